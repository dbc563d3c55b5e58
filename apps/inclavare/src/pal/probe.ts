import { writeSync } from "node:fs";
import { constants } from "node:os";
import { setParentDeathSignal } from "@inclavare/linux";
import { type EnclaveRuntime, loadRuntime, type Profile, runBatch } from "@inclavare/pal";
import { formatProbeLine, PROBE_DESCRIPTOR, type ProbeLine } from "./lines.ts";

/**
 * Does checks on a library in this process, which may not survive it, and tells on descriptor 3 what happens as it
 * happens.
 * @param names of checks, done in one enclave up to the first that fails
 */
export async function probe(libraryPath: string, profile: Profile, names: readonly string[]): Promise<void> {
  setParentDeathSignal(constants.signals.SIGKILL);
  const create = (): EnclaveRuntime => {
    tell({ kind: "call", name: "load", event: "begins" });
    try {
      return loadRuntime(libraryPath, new Map(), { crashDescriptor: PROBE_DESCRIPTOR, isUnguarded: true });
    } finally {
      tell({ kind: "call", name: "load", event: "ends" });
    }
  };
  await runBatch(
    names,
    { create, libraryPath, profile },
    {
      call: (name, event) => tell({ kind: "call", name, event }),
      result: (result) => tell({ kind: "result", result }),
    },
  );
}

/** Synchronously, so that nothing is lost when the library takes this process with it. */
function tell(line: ProbeLine): void {
  writeSync(PROBE_DESCRIPTOR, formatProbeLine(line));
}
