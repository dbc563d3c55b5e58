import { readdirSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { readLibraryFile } from "./library-file.ts";

/** A library that the payload brings, which is therefore never taken from the host. */
export interface ProvidedLibrary {
  /** The versions of symbols that it has. */
  readonly versions: ReadonlySet<string>;
  /** Where it lies. Left out: it counts as different from any library of the host. */
  readonly path?: string;
}

const LIBRARY_NAME = /\.so(\.|$)/u;

/**
 * What a payload provides: the libraries in its `lib`, by the name that it gives each file.
 * @throws ERR_FILE without a payload, ERR_PAL_NOT_LIBRARY and ERR_PAL_ARCHITECTURE when a library cannot be read
 */
export function readProvided(payload: string): ReadonlyMap<string, ProvidedLibrary> {
  const directory = join(payload, "lib");
  const names = listFiles(directory).filter((name) => LIBRARY_NAME.test(name));
  return new Map(
    names.map((name) => {
      const path = join(directory, name);
      return [name, { versions: new Set(readLibraryFile(path).versionsDefined), path }];
    }),
  );
}

function listFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `the libraries of the payload cannot be listed: ${directory}`, { cause });
  }
}
