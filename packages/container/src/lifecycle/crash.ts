import { readFileSync } from "node:fs";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { signalName } from "@inclavare/linux";
import type { ContainerPaths } from "../paths.ts";

/**
 * The reason behind an init-runelet that ended without an answer: if a PAL library crashed, the signal and the call that
 * init-runelet was in, as it left them in its last moment.
 */
export function reasonOfCrash(paths: ContainerPaths, error: unknown): unknown {
  if (!isInclavareError(error, "ERR_RUNELET_ENDED")) return error;
  const [, signal, call] = /^signal (\d+) in (\w+)$/mu.exec(readReport(paths.crash)) ?? [];
  if (signal === undefined || call === undefined) return error;
  const name = signalName(Number(signal));
  return new InclavareError("ERR_PAL_CRASHED", `the enclave runtime crashed with ${name} in ${call}`, {
    cause: error,
    details: { signal: name, call },
  });
}

function readReport(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // none is kept for the built-in runtimes
  }
}
