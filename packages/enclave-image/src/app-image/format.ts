import { InclavareError } from "@inclavare/errors";

/** The format of docs/app-image.md, version 1. All integers are little-endian. */
export const PAGE_BYTES = 4096;
/** "INCLAPP" and a zero byte. */
export const MAGIC: Uint8Array = Uint8Array.of(0x49, 0x4e, 0x43, 0x4c, 0x41, 0x50, 0x50, 0x00);
export const VERSION = 1;
export const HEADER_BYTES = 64;
/** Of an index entry before its path. */
export const ENTRY_BYTES = 40;
export const ENTRY_ALIGNMENT = 8;

export const MAX_ENTRIES = 1_000_000;
export const MAX_INDEX_BYTES = 256 * 1024 * 1024;
export const MAX_PATH_BYTES = 4095;
export const MAX_NAME_BYTES = 255;
export const MAX_MODE = 0o7777;

export const TYPE_NUMBER = { directory: 1, file: 2, symlink: 3 } as const;
export const TYPE_NAME: ReadonlyMap<number, keyof typeof TYPE_NUMBER> = new Map([
  [1, "directory"],
  [2, "file"],
  [3, "symlink"],
]);

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/**
 * Whether a path may stand in an index: absolute and clean, names of at most 255 bytes, Unicode text without NUL.
 * @returns what is wrong, or undefined.
 */
export function faultOfPath(path: string): string | undefined {
  if (path === "/") return undefined;
  if (!path.startsWith("/")) return "is not absolute";
  if (!path.isWellFormed() || path.includes("\0")) return "is not Unicode text without NUL";
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `has more than ${MAX_PATH_BYTES} bytes`;
  for (const name of path.slice(1).split("/")) {
    if (name === "" || name === "." || name === "..") return "is not clean";
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has a name of more than ${MAX_NAME_BYTES} bytes`;
  }
  return undefined;
}

/** @returns what is wrong with a symbolic link's target, or undefined. */
export function faultOfTarget(target: string): string | undefined {
  if (target === "") return "is empty";
  if (!target.isWellFormed() || target.includes("\0")) return "is not Unicode text without NUL";
  return Buffer.byteLength(target) > MAX_PATH_BYTES ? `has more than ${MAX_PATH_BYTES} bytes` : undefined;
}

/** The order of the index: by the bytes of the paths, a slash before everything else, so that directories come first. */
export function orderKey(path: string): Buffer {
  return Buffer.from(path === "/" ? "" : path.replaceAll("/", "\0"));
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

export function malformed(message: string, cause?: unknown): InclavareError {
  return new InclavareError("ERR_APP_IMAGE", `application image: ${message}`, cause === undefined ? {} : { cause });
}
