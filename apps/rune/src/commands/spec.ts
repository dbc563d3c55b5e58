import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { defaultSpec, formatRuntimeSpec } from "@inclavare/oci";
import { isOn, lastValue } from "../parse.ts";
import { assertFlags, type Command, usage } from "./command.ts";

/** `spec --enclave`: runc's starter file, for a WebAssembly program in an enclave of the simulated TEE. */
export const writeSpec: Command = async (_context, flags) => {
  assertFlags(flags);
  if (isOn(flags, "rootless"))
    throw usage("an enclave container needs root: --rootless and --enclave exclude each other");
  const spec = defaultSpec();
  const file = join(lastValue(flags, "bundle") ?? ".", "config.json");
  const text = formatRuntimeSpec({
    ...spec,
    process: { ...spec.process, args: ["/app.wasm"] },
    annotations: { "enclave.type": "simulated", "enclave.runtime.path": "wasm" },
  });
  try {
    writeFileSync(file, `${text}\n`, { flag: "wx", mode: 0o666 });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new InclavareError("ERR_FILE", exists ? `File ${file} exists. Remove it first` : `cannot write ${file}`, {
      cause,
    });
  }
  return 0;
};
