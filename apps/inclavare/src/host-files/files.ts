import { randomUUID } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { readNamedFile } from "../options/files.ts";

const NEW_FILE = { mode: 0o644, uid: undefined, gid: undefined } as const;

/** Where a file really lies, links followed; the path itself where there is none yet. @throws ERR_FILE */
export function resolveFile(path: string): string {
  return attempt(path, () => {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
    return realpathSync(path);
  });
}

/** A file's text, or undefined where there is none. @throws ERR_FILE when it cannot be read, or is not UTF-8 */
export function readFileIfThere(path: string, what: string): string | undefined {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readNamedFile(path, what));
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    throw new InclavareError("ERR_FILE", `${what} ${path} is not UTF-8`, { cause });
  }
}

/**
 * Makes a file have a text, or go away where it is undefined: at any moment the old one or the new one is there, whole.
 * @param like gives mode and owner; a new file without it is readable for everybody. Its folder is made if its parent is there.
 * @throws ERR_FILE
 */
export function replaceFile(path: string, text: string | undefined, like: Stats | undefined): void {
  attempt(path, () => {
    const folder = dirname(path);
    if (text === undefined) rmSync(path, { force: true });
    else {
      if (statSync(folder, { throwIfNoEntry: false }) === undefined) mkdirSync(folder, { mode: 0o755 });
      const temporary = `${path}.${randomUUID()}`;
      try {
        write(temporary, text, like ?? NEW_FILE);
        renameSync(temporary, path);
      } finally {
        rmSync(temporary, { force: true });
      }
    }
    sync(folder);
  });
}

interface Attributes {
  readonly mode: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

function write(path: string, text: string, { mode, uid, gid }: Attributes): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeFileSync(file, text);
    if (uid !== undefined && gid !== undefined) fchownSync(file, uid, gid);
    fchmodSync(file, mode & 0o7777);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function sync(folder: string): void {
  const directory = openSync(folder, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `${path} cannot be changed`, { cause });
  }
}
