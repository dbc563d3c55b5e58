import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { SIGSTRUCT_FILE } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";

/** Begins the names of folders that were entries and are being removed. */
export const REMOVED_MARK = ".removed-";

/**
 * Makes the cache's folder. Whoever can write there decides what enclaves are made of, so it is ours alone.
 * @throws ERR_FILE
 */
export function openCacheFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    const isOurs = (mode & constants.S_IFMT) === constants.S_IFDIR && uid === process.geteuid?.();
    if (isOurs && (mode & 0o077) === 0) return;
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `the cache of enclaves ${folder} cannot be made`, { cause });
  }
  throw new InclavareError("ERR_FILE", `the cache of enclaves ${folder} is not a folder of this user's with mode 0700`);
}

/** An entry's folder, opened: its descriptor is what locks are taken on. */
export class EntryFolder implements Disposable {
  readonly path: string;
  readonly descriptor: number;
  #isOpen = true;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.descriptor = descriptor;
  }

  /** Opens an entry's folder, which it makes if it is not there. @throws ERR_FILE */
  static open(path: string): EntryFolder {
    for (;;) {
      try {
        mkdirSync(path, { mode: 0o700 });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cannotMake(path, cause);
      }
      const folder = EntryFolder.openIfThere(path);
      if (folder !== undefined) return folder; // else somebody has removed it right away
    }
  }

  static openIfThere(path: string): EntryFolder | undefined {
    try {
      const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      fchmodSync(descriptor, 0o755); // init-runelet has the container's user; the folder above keeps everybody else out
      return new EntryFolder(path, descriptor);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw cannotMake(path, cause);
    }
  }

  /** Whether the path still leads to the folder that was opened: the lock on another one locks nothing. */
  isCurrent(): boolean {
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    return found !== undefined && found.ino === fstatSync(this.descriptor).ino;
  }

  /** The SIGSTRUCT comes last; whether the files are what they were, attesterd finds out. */
  isComplete(): boolean {
    return lstatSync(join(this.path, SIGSTRUCT_FILE), { throwIfNoEntry: false })?.isFile() === true;
  }

  /** Takes away what an attempt that was killed has left. */
  empty(): void {
    for (const name of readdirSync(this.path)) rmSync(join(this.path, name), { recursive: true, force: true });
  }

  /** Takes the folder away at once, then its contents: nobody finds half of it. */
  remove(): void {
    const aside = join(this.path, "..", `${REMOVED_MARK}${randomUUID()}`);
    try {
      renameSync(this.path, aside);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
      throw new InclavareError("ERR_FILE", `the cached enclave ${this.path} cannot be removed`, { cause });
    }
    rmSync(aside, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.descriptor);
    this.#isOpen = false;
  }
}

function cannotMake(path: string, cause: unknown): InclavareError {
  return new InclavareError("ERR_FILE", `the cached enclave ${path} cannot be made`, { cause });
}
