import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SIGSTRUCT_FILE } from "@inclavare/enclave-image";
import { tryLockFile } from "@inclavare/linux";
import type { EnclaveCache } from "./cache.ts";
import { EntryFolder, REMOVED_MARK } from "./folder.ts";

interface Entry {
  readonly path: string;
  readonly sizeBytes: number;
  /** 0 for one that was not finished. */
  readonly usedAt: number;
}

/**
 * Brings the cache within its limit, the longest unused first, and takes away what was left half made. What somebody holds
 * stays. A cache that cannot be tidied up is no reason not to run a container.
 * @param newest stays in any case
 */
export function evict({ folder, limitBytes }: EnclaveCache, newest: string): void {
  try {
    const names = readdirSync(folder);
    for (const name of names.filter((item) => item.startsWith(REMOVED_MARK)))
      rmSync(join(folder, name), { recursive: true, force: true });
    const entries = names
      .filter((name) => !name.startsWith(REMOVED_MARK))
      .flatMap((name) => measure(join(folder, name)));
    let total = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const { path, sizeBytes, usedAt } of entries.toSorted((one, other) => one.usedAt - other.usedAt)) {
      if (path === newest || (total <= limitBytes && usedAt > 0)) continue;
      if (removeUnused(path)) total -= sizeBytes;
    }
  } catch {
    // the next one tries again
  }
}

/** @returns nothing for what is no entry, or was taken away meanwhile */
function measure(path: string): Entry[] {
  try {
    const files = readdirSync(path).map((name) => lstatSync(join(path, name)));
    const usedAt = lstatSync(join(path, SIGSTRUCT_FILE), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return [{ path, sizeBytes: files.reduce((sum, { size }) => sum + size, 0), usedAt }];
  } catch {
    return [];
  }
}

function removeUnused(path: string): boolean {
  using entry = EntryFolder.openIfThere(path);
  if (entry === undefined) return false;
  const isUnused = tryLockFile(entry.descriptor, "exclusive") && entry.isCurrent();
  if (isUnused) entry.remove();
  return isUnused;
}
