import { utimesSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { SIGSTRUCT_FILE } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { tryLockFile, unlockFile } from "@inclavare/linux";
import { evict } from "./evict.ts";
import { EntryFolder, openCacheFolder } from "./folder.ts";

/** Where enclaves that were made of ordinary images are kept, and how much of them. */
export interface EnclaveCache {
  readonly folder: string;
  /** What is over it goes, the longest unused first; what is in use, and the newest, stay. */
  readonly limitBytes: number;
}

/** An enclave's files, which stay while this is held. */
export interface CachedEnclave extends Disposable {
  readonly directory: string;
  /** Made just now, by this call. */
  readonly isNew: boolean;
  /** Takes a damaged entry out of the cache; whoever asks next makes a new one. */
  discard(): void;
}

/** Of those who want the same enclave, all but one wait while it is made. */
const WAIT_MS = 120_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

/**
 * Gives the entry of a key, which `make` fills if it is not there. Of several that want it at a time, in whatever process,
 * one makes it; if that fails or is killed, the next one does.
 * @param key hexadecimal, of everything that the files depend on
 * @param make writes the files into an empty folder, the SIGSTRUCT last
 * @throws ERR_FILE, ERR_DEADLINE, and what `make` throws, after which nothing of the entry is left
 */
export async function openCached(
  cache: EnclaveCache,
  key: string,
  make: (directory: string) => Promise<void>,
): Promise<CachedEnclave> {
  openCacheFolder(cache.folder);
  const path = join(cache.folder, key);
  const deadline = performance.now() + WAIT_MS;
  let isNew = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const entry = EntryFolder.open(path);
    let isHeld = false;
    try {
      if (tryLockFile(entry.descriptor, "shared") && entry.isCurrent() && entry.isComplete()) {
        const held = hold(entry, isNew);
        isHeld = true;
        return held;
      }
      unlockFile(entry.descriptor); // two that keep theirs and want more would wait for each other
      if (tryLockFile(entry.descriptor, "exclusive")) {
        if (entry.isCurrent() && !entry.isComplete()) {
          await fill(entry, cache, make);
          isNew = true;
        }
        continue;
      }
    } finally {
      if (!isHeld) entry[Symbol.dispose]();
    }
    if (performance.now() > deadline)
      throw new InclavareError("ERR_DEADLINE", `the cached enclave ${path} is being made for too long`);
    await sleep(pauseMs);
  }
}

async function fill(
  entry: EntryFolder,
  cache: EnclaveCache,
  make: (directory: string) => Promise<void>,
): Promise<void> {
  try {
    entry.empty();
    await make(entry.path);
    evict(cache, entry.path);
  } catch (error) {
    entry.remove();
    throw error;
  }
}

function hold(entry: EntryFolder, isNew: boolean): CachedEnclave {
  const now = new Date();
  utimesSync(join(entry.path, SIGSTRUCT_FILE), now, now); // by which the longest unused is found
  return {
    directory: entry.path,
    isNew,
    discard: () => (entry.isCurrent() ? entry.remove() : undefined),
    [Symbol.dispose]: () => entry[Symbol.dispose](),
  };
}
