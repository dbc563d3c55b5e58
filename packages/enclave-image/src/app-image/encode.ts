import { createHash } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
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
  TYPE_NUMBER,
  VERSION,
} from "./format.ts";
import type { AppImageInput } from "./types.ts";

interface Placed {
  readonly input: AppImageInput;
  readonly path: Buffer;
  readonly target: Buffer;
  /** Of the contents, from the start of the image; 0 where there are none. */
  offset: number;
}

/**
 * Builds an application image. Equal entries give equal bytes, in whatever order they come: the index is sorted, files
 * with equal contents share their pages, and there is no clock.
 * @throws ERR_APP_IMAGE for entries that make no tree or give other sizes than they say; ERR_IMAGE_LIMIT
 */
export async function buildAppImage(inputs: Iterable<AppImageInput>): Promise<Uint8Array<ArrayBuffer>> {
  const layout = await layOut(inputs);
  const image = new Uint8Array(layout.totalBytes);
  let at = 0;
  for await (const piece of piecesOf(layout)) {
    image.set(piece, at);
    at += piece.byteLength;
  }
  return image;
}

/**
 * The bytes of {@link buildAppImage}, piece by piece: no more than one file of the application is in memory.
 * @throws the same, some only when the pieces before have been taken
 */
export async function* streamAppImage(inputs: Iterable<AppImageInput>): AsyncGenerator<Uint8Array> {
  yield* piecesOf(await layOut(inputs));
}

interface Layout {
  readonly placed: readonly Placed[];
  readonly indexBytes: number;
  readonly totalBytes: number;
}

async function layOut(inputs: Iterable<AppImageInput>): Promise<Layout> {
  const placed = sortEntries(inputs);
  const indexBytes = placed.reduce((sum, entry) => sum + indexSizeOf(entry), 0);
  assertWithin("entries", placed.length, MAX_ENTRIES);
  assertWithin("bytes of index", indexBytes, MAX_INDEX_BYTES);
  const totalBytes = await placeContents(placed, alignUp(HEADER_BYTES + indexBytes, PAGE_BYTES));
  return { placed, indexBytes, totalBytes };
}

/** Index, then contents in the order of their offsets, which is that of the entries; each up to the end of its page. */
async function* piecesOf({ placed, indexBytes, totalBytes }: Layout): AsyncGenerator<Uint8Array> {
  const index = new Uint8Array(alignUp(HEADER_BYTES + indexBytes, PAGE_BYTES));
  writeIndex(index, placed, { indexBytes, totalBytes });
  yield index;
  let end = index.byteLength;
  for (const { input, offset } of placed) {
    if (offset < end) continue; // empty, or there already
    yield await readAll(input);
    const padding = alignUp(input.sizeBytes, PAGE_BYTES) - input.sizeBytes;
    if (padding > 0) yield new Uint8Array(padding);
    end = offset + input.sizeBytes + padding;
  }
}

function sortEntries(inputs: Iterable<AppImageInput>): Placed[] {
  const keyed = Array.from(inputs, (input) => ({ input, key: orderKey(input.path) }));
  const sorted = keyed.toSorted((left, right) => Buffer.compare(left.key, right.key)).map(({ input }) => input);
  const directories = new Set<string>();
  return sorted.map((input, index) => {
    assertEntry(input);
    if (index === 0 && input.path !== "/") throw malformed("the root is missing");
    if (input.path === sorted[index - 1]?.path) throw malformed(`${input.path} comes twice`);
    if (index > 0 && !directories.has(parentOf(input.path))) throw malformed(`${input.path} is in no directory`);
    if (input.type === "directory") directories.add(input.path);
    return { input, path: Buffer.from(input.path), target: Buffer.from(input.target ?? ""), offset: 0 };
  });
}

function assertEntry({ path, type, mode, uid, gid, mtimeSeconds, sizeBytes, target }: AppImageInput): void {
  const fault = faultOfPath(path);
  if (fault !== undefined) throw malformed(`the path ${JSON.stringify(path)} ${fault}`);
  if (path === "/" && type !== "directory") throw malformed("the root is not a directory");
  const sound =
    isWithin(mode, MAX_MODE) &&
    isWithin(uid, 0xffff_ffff) &&
    isWithin(gid, 0xffff_ffff) &&
    Number.isSafeInteger(mtimeSeconds) &&
    isWithin(sizeBytes, type === "file" ? Number.MAX_SAFE_INTEGER : 0);
  if (!sound) throw malformed(`${path} has a mode, owner, time or size that cannot be represented`);
  if ((type === "symlink") !== (target !== undefined)) throw malformed(`${path}: links, and only they, have a target`);
  const targetFault = target === undefined ? undefined : faultOfTarget(target);
  if (targetFault !== undefined) throw malformed(`the target of ${path} ${targetFault}`);
}

function isWithin(value: number, high: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= high;
}

/** Gives every file its pages; only files of equal size are read here, to find those with equal contents. */
async function placeContents(placed: readonly Placed[], start: number): Promise<number> {
  const bySize = Map.groupBy(placed, ({ input }) => input.sizeBytes);
  const known = new Map<string, number>();
  let end = start;
  for (const entry of placed) {
    const { sizeBytes } = entry.input;
    if (sizeBytes === 0) continue;
    const twins = (bySize.get(sizeBytes)?.length ?? 0) > 1;
    const digest = twins
      ? createHash("sha256")
          .update(await readAll(entry.input))
          .digest("hex")
      : undefined;
    const shared = digest === undefined ? undefined : known.get(digest);
    entry.offset = shared ?? end;
    if (shared !== undefined) continue;
    if (digest !== undefined) known.set(digest, end);
    end += alignUp(sizeBytes, PAGE_BYTES);
    assertWithin("bytes", end, APP_IMAGE_LIMIT_BYTES);
  }
  return end;
}

async function readAll(input: AppImageInput): Promise<Uint8Array> {
  const bytes = await input.read();
  if (bytes.byteLength === input.sizeBytes) return bytes;
  throw malformed(`${input.path} gave ${bytes.byteLength} bytes, it said ${input.sizeBytes}`);
}

function indexSizeOf({ path, target }: Placed): number {
  return alignUp(ENTRY_BYTES + path.byteLength + target.byteLength, ENTRY_ALIGNMENT);
}

function writeIndex(
  image: Uint8Array<ArrayBuffer>,
  placed: readonly Placed[],
  { indexBytes, totalBytes }: { readonly indexBytes: number; readonly totalBytes: number },
): void {
  const view = new DataView(image.buffer);
  image.set(MAGIC, 0);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, placed.length, true);
  view.setBigUint64(16, BigInt(indexBytes), true);
  view.setBigUint64(24, BigInt(totalBytes), true);
  let at = HEADER_BYTES;
  for (const entry of placed) {
    const { input, path, target, offset } = entry;
    view.setUint8(at, TYPE_NUMBER[input.type]);
    view.setUint16(at + 2, input.mode, true);
    view.setUint32(at + 4, input.uid, true);
    view.setUint32(at + 8, input.gid, true);
    view.setUint16(at + 12, path.byteLength, true);
    view.setUint16(at + 14, target.byteLength, true);
    view.setBigInt64(at + 16, BigInt(input.mtimeSeconds), true);
    view.setBigUint64(at + 24, BigInt(offset), true);
    view.setBigUint64(at + 32, BigInt(input.sizeBytes), true);
    image.set(path, at + ENTRY_BYTES);
    image.set(target, at + ENTRY_BYTES + path.byteLength);
    at += indexSizeOf(entry);
  }
}

function assertWithin(what: string, value: number, limit: number): void {
  if (value <= limit) return;
  throw new InclavareError("ERR_IMAGE_LIMIT", `the application image has more than ${limit} ${what}`, {
    details: { limit },
  });
}
