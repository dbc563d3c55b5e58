import { ENCLAVE_ANNOTATIONS, SUPPORTED_RUNTIMES, SUPPORTED_TYPES } from "@inclavare/container";
import { VERSION } from "../program.ts";
import { type Command, assertFlags } from "./command.ts";

/** runc's features, with what enclave containers add; a caller may forbid the annotations listed as unsafe. */
export const printFeatures: Command = async ({ lifecycle, engine }, flags) => {
  assertFlags(flags);
  const features = await lifecycle.runcFeatures(engine);
  const merged = {
    ...features,
    annotations: {
      ...(features["annotations"] as object | undefined),
      "org.inclavare-containers.rune.version": VERSION,
      "org.inclavare-containers.enclave.types": SUPPORTED_TYPES.join(","),
      "org.inclavare-containers.enclave.runtimes": SUPPORTED_RUNTIMES.join(","),
    },
    potentiallyUnsafeConfigAnnotations: [
      ...((features["potentiallyUnsafeConfigAnnotations"] as readonly string[] | undefined) ?? []),
      ...ENCLAVE_ANNOTATIONS,
    ],
  };
  process.stdout.write(`${JSON.stringify(merged, undefined, 4)}\n`);
  return 0;
};
