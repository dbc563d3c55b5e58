import type { Config } from "@inclavare/container";
import { formatOneLine } from "@inclavare/errors";
import { type CheckResult, ELF_MACHINES, readProvided, resolveClosure } from "@inclavare/pal";

const CHECK = {
  name: "closure",
  specification:
    "A library and all that it needs are found on the host, and fit the C library that init-runelet brings.",
} as const;

/** What `rune create` does with a library before there is a container: nothing of the library's is run for that. */
export function checkClosure(libraryPath: string, { payload, palLibraryPaths }: Config["rune"]): CheckResult {
  try {
    const { files } = resolveClosure(libraryPath, {
      searchPaths: palLibraryPaths,
      provided: readProvided(payload),
      machine: ELF_MACHINES[process.arch === "arm64" ? "arm64" : "x64"],
    });
    const names = files.map(({ soname }) => soname).join(", ");
    return { ...CHECK, result: "ok", message: names === "" ? "needs nothing else of this host" : `needs ${names}` };
  } catch (error) {
    return { ...CHECK, result: "failed", message: formatOneLine(error) };
  }
}
