import { readFileSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";
import { lastValue, type ParsedFlags } from "../parse.ts";
import { type Command, onlyId } from "./command.ts";

/** `update`: runc's, once what is asked for has been checked. */
export const update: Command = async ({ lifecycle, engine }, flags) => {
  const id = onlyId("update", flags);
  const file = lastValue(flags, "resources") ?? "";
  await lifecycle.updateContainer(engine, id, {
    flags: [...flags.values]
      .filter(([name]) => name !== "resources")
      .flatMap(([name, values]) => values.map((value) => `--${name}=${value}`)),
    ...(file === "" ? { pidsLimit: pidsLimit(flags) } : { resources: readResources(file) }),
  });
  return 0;
};

function pidsLimit(flags: ParsedFlags): number {
  return Number(lastValue(flags, "pids-limit") ?? 0);
}

/** `-` is standard input, as with runc. */
function readResources(file: string): { readonly text: Uint8Array; readonly what: string } {
  const what = file === "-" ? "standard input" : file;
  try {
    return { text: readFileSync(file === "-" ? 0 : file), what };
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot read the resources from ${what}`, { cause });
  }
}
