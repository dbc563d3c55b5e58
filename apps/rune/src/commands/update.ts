import { lastValue, type ParsedFlags } from "../parse.ts";
import { type Command, onlyId } from "./command.ts";
import { readInput } from "./input.ts";

/** `update`: runc's, once what is asked for has been checked. */
export const update: Command = async ({ lifecycle, engine }, flags) => {
  const id = onlyId("update", flags);
  const file = lastValue(flags, "resources") ?? "";
  await lifecycle.updateContainer(engine, id, {
    flags: [...flags.values]
      .filter(([name]) => name !== "resources")
      .flatMap(([name, values]) => values.map((value) => `--${name}=${value}`)),
    ...(file === ""
      ? { pidsLimit: pidsLimit(flags), memory: lastValue(flags, "memory") ?? "" }
      : { resources: { text: readInput(file, { stdin: true }), what: file === "-" ? "standard input" : file } }),
  });
  return 0;
};

function pidsLimit(flags: ParsedFlags): number {
  return Number(lastValue(flags, "pids-limit") ?? 0);
}
