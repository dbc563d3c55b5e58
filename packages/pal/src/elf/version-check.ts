import { InclavareError } from "@inclavare/errors";
import { readLibraryBytes } from "./library-file.ts";
import type { ProvidedLibrary } from "./provided.ts";
import type { FoundLibrary, LibrarySearch } from "./search.ts";

/** Everything that will be loaded together. */
export interface LoadedTogether {
  readonly first: FoundLibrary;
  readonly found: ReadonlyMap<string, FoundLibrary>;
  readonly provided: ReadonlyMap<string, ProvidedLibrary>;
  readonly search: LibrarySearch;
}

/** What the parts of one C library have for each other: it changes without notice. */
const PRIVATE_VERSION = "GLIBC_PRIVATE";

/**
 * Checks that the versions of symbols that a library needs are there, before the loader finds out inside the container.
 * @throws ERR_PAL_LIBC_VERSION where the payload's library lacks one, ERR_PAL_DEPENDENCY where one of the host does
 */
export function assertVersions(library: FoundLibrary, { first, found, provided, search }: LoadedTogether): void {
  for (const { file, versions } of library.elf.versionsNeeded) {
    const ours = provided.get(file);
    if (ours !== undefined) {
      assertProvided(library, { file, versions, ours });
      if (versions.includes(PRIVATE_VERSION)) assertSameBuild(library, search.find(file, library), ours);
      continue;
    }
    const other = file === first.elf.soname ? first : found.get(file);
    const defined = other?.elf.versionsDefined ?? [];
    const missing = defined.length === 0 ? undefined : versions.find((version) => !defined.includes(version));
    if (missing === undefined) continue;
    const message = `${library.path} needs ${missing} of ${file}, which ${other?.path ?? file} does not have`;
    throw new InclavareError("ERR_PAL_DEPENDENCY", message, { details: { version: missing, neededBy: library.path } });
  }
}

interface Need {
  readonly file: string;
  readonly versions: readonly string[];
  readonly ours: ProvidedLibrary;
}

function assertProvided(library: FoundLibrary, { file, versions, ours }: Need): void {
  const missing = versions.filter((version) => !ours.versions.has(version)).toSorted(byVersion);
  const newest = missing.at(-1);
  if (newest !== undefined) {
    const details = { missing, neededBy: library.path, file };
    const message = `${newest} needed by ${library.path}, the payload's ${file} ${reach(newest, ours.versions)}`;
    throw new InclavareError("ERR_PAL_LIBC_VERSION", message, { details });
  }
}

/** A part of the C library that the payload does not bring is of use only if the rest is byte for byte the host's. */
function assertSameBuild(library: FoundLibrary, host: FoundLibrary, ours: ProvidedLibrary): void {
  const isSame = ours.path !== undefined && readLibraryBytes(ours.path).equals(readLibraryBytes(host.realPath));
  if (isSame) return;
  const message = `${library.path} belongs together with ${host.realPath}, and the payload's is another build of it`;
  throw new InclavareError("ERR_PAL_LIBC_VERSION", message, { details: { neededBy: library.path } });
}

/** `goes up to GLIBC_2.36`, or that it has none of this sort. */
function reach(version: string, has: ReadonlySet<string>): string {
  const family = familyOf(version);
  const newest = [...has]
    .filter((each) => familyOf(each) === family)
    .toSorted(byVersion)
    .at(-1);
  return newest === undefined || byVersion(newest, version) > 0 ? "does not have it" : `goes up to ${newest}`;
}

/** `GLIBC` of `GLIBC_2.36`; the whole of what does not end in numbers. */
function familyOf(version: string): string {
  return /^(.*)_\d+(?:\.\d+)*$/u.exec(version)?.[1] ?? version;
}

function byVersion(left: string, right: string): number {
  return left.localeCompare(right, "en", { numeric: true });
}
