import { APP_IMAGE_LIMIT_BYTES } from "../constants.ts";
import {
  alignUp,
  ENTRY_ALIGNMENT,
  ENTRY_BYTES,
  faultOfPath,
  faultOfTarget,
  HEADER_BYTES,
  MAGIC,
  malformed,
  MAX_ENTRIES,
  MAX_INDEX_BYTES,
  MAX_MODE,
  orderKey,
  PAGE_BYTES,
  parentOf,
  TYPE_NAME,
  VERSION,
} from "./format.ts";
import type { AppEntry, AppImage } from "./types.ts";

interface Header {
  readonly entryCount: number;
  readonly indexBytes: number;
}

/** An index entry with the place of its contents. */
interface Located {
  readonly entry: AppEntry;
  readonly offset: number;
  /** Of the entry itself, in the index. */
  readonly lengthBytes: number;
}

const ZEROS = Buffer.alloc(PAGE_BYTES);

/**
 * Decodes an application image, strictly: sizes and offsets must add up exactly, all padding must be zero, the entries
 * must make one tree in the order of the format. Nothing is copied but the index, which is read once, so that bytes in
 * shared memory that change meanwhile cannot get past the checks.
 * @param bytes the whole image; may lie in a SharedArrayBuffer.
 * @throws ERR_APP_IMAGE
 * @see docs/app-image.md
 */
export function decodeAppImage(bytes: Uint8Array): AppImage {
  const { entryCount, indexBytes } = decodeHeader(bytes);
  const index = Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset + HEADER_BYTES, indexBytes));
  const entries = new Map<string, AppEntry>();
  const offsets = new Map<string, number>();
  const start = alignUp(HEADER_BYTES + indexBytes, PAGE_BYTES);
  if (!isZero(bytes, HEADER_BYTES + indexBytes, start)) throw malformed("the padding of the index is not zero");
  const places = new PageAllocation(bytes, start);
  let previous: Buffer | undefined;
  let at = 0;
  for (let count = 0; count < entryCount; count++) {
    const { entry, offset, lengthBytes } = decodeEntry(index, at);
    at += lengthBytes;
    previous = assertInOrder(entry, previous, entries);
    places.check(entry, offset);
    entries.set(entry.path, entry);
    offsets.set(entry.path, offset);
  }
  if (at !== indexBytes) throw malformed(`the index has ${indexBytes} bytes, its entries ${at}`);
  places.assertComplete();
  return {
    entries,
    read({ path }) {
      const entry = entries.get(path);
      const offset = offsets.get(path);
      if (entry === undefined || offset === undefined) throw malformed(`${JSON.stringify(path)} is not in it`);
      return bytes.subarray(offset, offset + entry.sizeBytes);
    },
  };
}

function decodeHeader(bytes: Uint8Array): Header {
  if (bytes.byteLength < PAGE_BYTES || bytes.byteLength % PAGE_BYTES !== 0 || bytes.byteLength > APP_IMAGE_LIMIT_BYTES)
    throw malformed(`has ${bytes.byteLength} bytes, expected whole pages of 4096, up to ${APP_IMAGE_LIMIT_BYTES}`);
  const header = Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES));
  if (!header.subarray(0, 8).equals(MAGIC)) throw malformed("does not begin with the mark of the format");
  const version = header.readUInt32LE(8);
  if (version !== VERSION) throw malformed(`has version ${version}, expected ${VERSION}`);
  const totalBytes = header.readBigUInt64LE(24);
  if (totalBytes !== BigInt(bytes.byteLength)) {
    throw malformed(`says that it has ${totalBytes} bytes, it has ${bytes.byteLength}`);
  }
  if (!isZero(header, 32, HEADER_BYTES)) throw malformed("the reserved bytes of the header are not zero");
  const entryCount = header.readUInt32LE(12);
  const indexBytes = header.readBigUInt64LE(16);
  const room = BigInt(Math.min(bytes.byteLength - HEADER_BYTES, MAX_INDEX_BYTES));
  if (indexBytes > room) throw malformed(`an index of ${indexBytes} bytes does not fit`);
  if (entryCount < 1 || entryCount > MAX_ENTRIES) throw malformed(`has ${entryCount} entries, expected 1 to 1000000`);
  return { entryCount, indexBytes: Number(indexBytes) };
}

function decodeEntry(index: Buffer, at: number): Located {
  if (at + ENTRY_BYTES > index.byteLength) throw malformed(`the index ends within the entry at ${at}`);
  const pathBytes = index.readUInt16LE(at + 12);
  const targetBytes = index.readUInt16LE(at + 14);
  const end = at + ENTRY_BYTES + pathBytes + targetBytes;
  const lengthBytes = alignUp(end - at, ENTRY_ALIGNMENT);
  if (at + lengthBytes > index.byteLength) throw malformed(`the index ends within the entry at ${at}`);
  const type = TYPE_NAME.get(index.readUInt8(at));
  if (type === undefined) throw malformed(`the entry at ${at} has type ${index.readUInt8(at)}, expected 1, 2 or 3`);
  if (index.readUInt8(at + 1) !== 0 || !isZero(index, end, at + lengthBytes)) {
    throw malformed(`the entry at ${at} has padding that is not zero`);
  }
  const path = decodeText(index, at + ENTRY_BYTES, pathBytes, "path");
  const target = decodeText(index, at + ENTRY_BYTES + pathBytes, targetBytes, "target");
  const mode = index.readUInt16LE(at + 2);
  if (mode > MAX_MODE) throw malformed(`${path} has mode ${mode.toString(8)}, expected at most 7777`);
  const entry: AppEntry = {
    path,
    type,
    mode,
    uid: index.readUInt32LE(at + 4),
    gid: index.readUInt32LE(at + 8),
    mtimeSeconds: toSafeInteger(index.readBigInt64LE(at + 16), `the time of ${path}`),
    sizeBytes: toSafeInteger(index.readBigUInt64LE(at + 32), `the size of ${path}`),
    ...(type === "symlink" ? { target } : {}),
  };
  const fault = faultOfPath(path) ?? (type === "symlink" ? faultOfTarget(target) : undefined);
  if (fault !== undefined) throw malformed(`the path or target of ${JSON.stringify(path)} ${fault}`);
  if (type !== "symlink" && targetBytes > 0) throw malformed(`${path} has a target, and is no symbolic link`);
  return { entry, offset: toSafeInteger(index.readBigUInt64LE(at + 24), `the offset of ${path}`), lengthBytes };
}

function assertInOrder(entry: AppEntry, previous: Buffer | undefined, before: ReadonlyMap<string, AppEntry>): Buffer {
  const { path, type } = entry;
  const key = orderKey(path);
  if (previous === undefined) {
    if (path !== "/" || type !== "directory") throw malformed("the first entry is not the root directory");
    return key;
  }
  if (Buffer.compare(previous, key) >= 0) throw malformed(`${path} is not in order, or comes twice`);
  if (before.get(parentOf(path))?.type !== "directory") throw malformed(`${path} is in no directory`);
  return key;
}

/** Follows the contents through the image: each file has the next free pages, or those of an earlier one of its size. */
class PageAllocation {
  readonly #bytes: Uint8Array;
  readonly #sizes = new Map<number, number>();
  #end: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#end = start;
  }

  check({ path, type, sizeBytes }: AppEntry, offset: number): void {
    if (sizeBytes === 0 || type !== "file") {
      if (offset === 0 && sizeBytes === 0) return;
      throw malformed(`${path} has contents, though it is empty or no file`);
    }
    const known = this.#sizes.get(offset);
    if (known !== undefined) {
      if (known !== sizeBytes) throw malformed(`${path} shares the pages of a file of another size`);
      return;
    }
    if (offset !== this.#end) throw malformed(`the contents of ${path} are at ${offset}, expected ${this.#end}`);
    const end = offset + alignUp(sizeBytes, PAGE_BYTES);
    if (end > this.#bytes.byteLength) throw malformed(`the contents of ${path} end behind the image`);
    if (!isZero(this.#bytes, offset + sizeBytes, end)) throw malformed(`${path} has padding that is not zero`);
    this.#sizes.set(offset, sizeBytes);
    this.#end = end;
  }

  assertComplete(): void {
    if (this.#end !== this.#bytes.byteLength)
      throw malformed(`${this.#bytes.byteLength - this.#end} bytes belong to no file`);
  }
}

function decodeText(index: Buffer, at: number, lengthBytes: number, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(index.subarray(at, at + lengthBytes));
  } catch (cause) {
    throw malformed(`a ${what} in the index is not UTF-8`, cause);
  }
}

function toSafeInteger(value: bigint, what: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw malformed(`${what} is ${value}, which is out of range`);
  return number;
}

/** Whether less than a page of bytes are all zero. */
function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  const part = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  return Buffer.compare(part, ZEROS.subarray(0, end - start)) === 0;
}
