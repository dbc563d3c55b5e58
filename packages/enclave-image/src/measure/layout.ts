import { PAGE_SIZE } from "@inclavare/sgx";
import { InclavareError } from "@inclavare/errors";
import type { EnclaveManifest } from "../manifest/types.ts";
import type { LoadedIndex } from "./payload.ts";

/** Pages of one SSA frame. */
export const SSA_FRAME_PAGES = 1;
/** SSA frames of each thread. */
const SSA_FRAMES = 2;
/** The payload's file at which threads enter. */
const ENTRY_FILE = "bin/node";
const LARGEST_ENCLAVE_BYTES = 2 ** 37;

/** Where everything lies in the enclave: offsets from its base in bytes, whole pages, one after the other. */
export interface Layout {
  /** The range of addresses: a power of two. */
  readonly sizeBytes: number;
  /** Behind the payload. */
  readonly manifestOffset: number;
  readonly threadsOffset: number;
  readonly appImageOffset: number;
  /** Behind everything that is measured: SSA frames, then the memory that is added as it is needed. */
  readonly endOffset: number;
}

/** @throws ERR_IMAGE_LIMIT when it is more than 128 GiB. */
export function layoutOf(
  payload: LoadedIndex,
  manifest: Pick<EnclaveManifest, "memoryBytes" | "threads">,
  sizes: { readonly manifestBytes: number; readonly appImageBytes: number },
): Layout {
  const payloadBytes = payload.index.files.reduce(
    (sum, file) => sum + wholePages(file.sizeBytes),
    wholePages(payload.bytes.byteLength),
  );
  const threadsOffset = payloadBytes + wholePages(sizes.manifestBytes);
  const appImageOffset = threadsOffset + manifest.threads * PAGE_SIZE;
  const endOffset = appImageOffset + wholePages(sizes.appImageBytes);
  const needed = endOffset + manifest.memoryBytes;
  let sizeBytes = 2 * PAGE_SIZE;
  while (sizeBytes < needed) sizeBytes *= 2;
  if (sizeBytes > LARGEST_ENCLAVE_BYTES) {
    throw new InclavareError(
      "ERR_IMAGE_LIMIT",
      `the enclave needs ${needed} bytes of addresses, at most ${LARGEST_ENCLAVE_BYTES} are possible`,
    );
  }
  return { sizeBytes, manifestOffset: payloadBytes, threadsOffset, appImageOffset, endOffset };
}

/** Where threads enter: the page at which Node begins; 0 for a payload without it. */
export function entryOffsetOf(payload: LoadedIndex): number {
  let offset = wholePages(payload.bytes.byteLength);
  for (const { path, sizeBytes } of sortedFiles(payload)) {
    if (path === ENTRY_FILE) return offset;
    offset += wholePages(sizeBytes);
  }
  return 0;
}

/** In the order in which they are measured: by the bytes of their paths. */
export function sortedFiles({ index }: LoadedIndex): LoadedIndex["index"]["files"] {
  return index.files.toSorted((left, right) => Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)));
}

/**
 * The control structure of a thread: one page, little-endian.
 * @param number from 0.
 * @see Intel SDM volume 3D, section on TCS
 */
export function encodeTcs(number: number, entryOffset: number, layout: Layout): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE_SIZE);
  const view = new DataView(page.buffer);
  const ssaBytes = SSA_FRAMES * SSA_FRAME_PAGES * PAGE_SIZE;
  view.setBigUint64(16, BigInt(layout.endOffset + number * ssaBytes), true);
  view.setUint32(28, SSA_FRAMES, true);
  view.setBigUint64(32, BigInt(entryOffset), true);
  view.setUint32(64, 0xffff_ffff, true);
  view.setUint32(68, 0xffff_ffff, true);
  return page;
}

export function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}
