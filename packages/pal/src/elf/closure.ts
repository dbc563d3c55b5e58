import { isAbsolute } from "node:path";
import { realpathSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";
import { readLibraryFile } from "./library-file.ts";
import type { ProvidedLibrary } from "./provided.ts";
import { type FoundLibrary, LibrarySearch, type SearchPlaces } from "./search.ts";
import { assertVersions } from "./version-check.ts";

export interface ClosureOptions extends SearchPlaces {
  /** What the payload brings, by name: not copied, but it must have the versions that are needed of it. */
  readonly provided: ReadonlyMap<string, ProvidedLibrary>;
  /** The machine of the payload: a value of ELF_MACHINES. */
  readonly machine: string;
}

/** A library that has to lie beside the first one. */
export interface ClosureFile {
  /** The name by which it is needed. One file can be needed by two names. */
  readonly soname: string;
  /** The file, with every link followed. */
  readonly path: string;
}

export interface Closure {
  /** The library itself, with every link followed. */
  readonly library: string;
  /** In the order in which the dynamic loader loads them. */
  readonly files: readonly ClosureFile[];
}

const MOST_FILES = 256;

/**
 * Finds all that a library needs on this host, as the dynamic loader does, except for what the payload provides.
 *
 * @throws ERR_PAL_NOT_FOUND, ERR_PAL_NOT_LIBRARY and ERR_PAL_ARCHITECTURE for the library itself; ERR_PAL_DEPENDENCY
 * when something that it needs is missing or cannot be used; ERR_PAL_LIBC_VERSION when the payload's libraries are too old
 */
export function resolveClosure(libraryPath: string, options: ClosureOptions): Closure {
  const { provided, machine } = options;
  const search = new LibrarySearch(machine, options);
  const first = findFirst(libraryPath, machine);
  const found = new Map<string, FoundLibrary>();
  const queue = [first];
  for (let library = queue.shift(); library !== undefined; library = queue.shift()) {
    for (const name of library.elf.needed) {
      if (provided.has(name) || found.has(name) || name === first.elf.soname) continue;
      if (found.size === MOST_FILES) {
        throw new InclavareError("ERR_PAL_DEPENDENCY", `${first.path} needs more than ${MOST_FILES} libraries`);
      }
      const next = search.find(name, library);
      found.set(name, next);
      queue.push(next);
    }
  }
  for (const library of [first, ...found.values()]) assertVersions(library, { first, found, provided, search });
  return {
    library: first.realPath,
    files: [...found].map(([soname, { realPath }]) => ({ soname, path: realPath })),
  };
}

function findFirst(path: string, machine: string): FoundLibrary {
  if (!isAbsolute(path)) throw new InclavareError("ERR_PAL_NOT_FOUND", `library ${path} is not an absolute path`);
  const elf = readLibraryFile(path);
  if (elf.machine !== machine) {
    const message = `${path} is built for ${elf.machine}, expected ${machine}`;
    throw new InclavareError("ERR_PAL_ARCHITECTURE", message, { details: { machine: elf.machine } });
  }
  return { path, realPath: realpathSync(path), elf };
}
