import { realpathSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import type { ElfFile } from "./elf-file.ts";
import { readLibraryBytes, readLibraryFile } from "./library-file.ts";
import { parseLoaderCache } from "./loader-cache.ts";

/** A library of the host. */
export interface FoundLibrary {
  /** As it was found; `$ORIGIN` is its directory. */
  readonly path: string;
  /** With every link followed. */
  readonly realPath: string;
  readonly elf: ElfFile;
  /** The library on whose behalf it was looked for; undefined for the first one. */
  readonly neededBy?: FoundLibrary;
}

/** The places that do not depend on who needs a library. */
export interface SearchPlaces {
  /** The operator's directories, absolute. */
  readonly searchPaths: readonly string[];
  /** The loader's cache. Left out: `/etc/ld.so.cache`. */
  readonly cacheFile?: string;
  /** Where libraries lie without saying so. Left out: the usual directories of the machine. */
  readonly directories?: readonly string[];
}

const CACHE_FILE = "/etc/ld.so.cache";
const DIRECTORIES: Readonly<Record<string, readonly string[]>> = {
  "x86-64": ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"],
  aarch64: ["/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"],
};

/** Finds libraries as the dynamic loader does. One object serves one resolution: it reads the cache once. */
export class LibrarySearch {
  readonly #machine: string;
  readonly #places: SearchPlaces;
  #cache: ReadonlyMap<string, string> | undefined;

  constructor(machine: string, places: SearchPlaces) {
    this.#machine = machine;
    this.#places = places;
  }

  /**
   * The order is the loader's: rpath of who needs it and of those on whose behalf that was loaded, unless it has a
   * runpath; the operator's directories (the loader's LD_LIBRARY_PATH); runpath; the cache; the usual directories.
   * A library for another machine is passed over.
   *
   * @throws ERR_PAL_DEPENDENCY when it is nowhere, with who needs it and where it was looked for
   */
  find(name: string, neededBy: FoundLibrary): FoundLibrary {
    if (name === "" || name.includes("/")) {
      throw dependencyError(`${neededBy.path} needs ${JSON.stringify(name)}, expected a file name without a directory`);
    }
    const looked: string[] = [];
    for (const path of this.#candidates(name, neededBy)) {
      const elf = this.#read(path, neededBy);
      if (elf?.machine === this.#machine) return { path, realPath: realpathSync(path), elf, neededBy };
      const other = elf === undefined ? "" : ` (${elf.machine})`;
      if (!looked.includes(`${dirname(path)}${other}`)) looked.push(`${dirname(path)}${other}`);
    }
    const message = `${name}, which ${neededBy.path} needs, was not found for ${this.#machine} in ${looked.join(", ")}`;
    throw dependencyError(message, { details: { name, neededBy: neededBy.path, looked } });
  }

  *#candidates(name: string, neededBy: FoundLibrary): Generator<string> {
    const { searchPaths, directories = DIRECTORIES[this.#machine] ?? [] } = this.#places;
    for (const directory of rpathOf(neededBy)) yield join(directory, name);
    for (const directory of searchPaths) yield join(directory, name);
    for (const directory of expand(neededBy.elf.runpath, neededBy.path)) yield join(directory, name);
    const cached = this.#cached(name);
    if (cached !== undefined) yield cached;
    for (const directory of directories) yield join(directory, name);
  }

  /** undefined where there is no such file, or one of a machine that has no name here. */
  #read(path: string, neededBy: FoundLibrary): ElfFile | undefined {
    try {
      return readLibraryFile(path);
    } catch (cause) {
      const isPassedOver =
        isInclavareError(cause, "ERR_PAL_NOT_FOUND") || isInclavareError(cause, "ERR_PAL_ARCHITECTURE");
      if (isPassedOver) return undefined;
      throw dependencyError(`${path}, which ${neededBy.path} needs, cannot be used`, { cause });
    }
  }

  #cached(name: string): string | undefined {
    this.#cache ??= this.#readCache();
    return this.#cache.get(name);
  }

  #readCache(): ReadonlyMap<string, string> {
    try {
      return parseLoaderCache(readLibraryBytes(this.#places.cacheFile ?? CACHE_FILE), this.#machine);
    } catch {
      // Not every system has one; the directories remain.
      return new Map();
    }
  }
}

function rpathOf(library: FoundLibrary): string[] {
  if (library.elf.runpath.length > 0) return [];
  const directories: string[] = [];
  for (let at: FoundLibrary | undefined = library; at !== undefined; at = at.neededBy) {
    directories.push(...expand(at.elf.rpath, at.path));
  }
  return directories;
}

/** Without directories that are relative or hold another token than `$ORIGIN`: what those mean depends on the caller. */
function expand(directories: readonly string[], path: string): string[] {
  return directories
    .map((directory) => directory.replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/gu, dirname(path)))
    .filter((directory) => isAbsolute(directory) && !directory.includes("$"));
}

function dependencyError(
  message: string,
  options: ConstructorParameters<typeof InclavareError>[2] = {},
): InclavareError {
  return new InclavareError("ERR_PAL_DEPENDENCY", message, options);
}
