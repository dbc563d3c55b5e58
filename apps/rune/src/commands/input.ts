import { closeSync, openSync, readSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";

/** More than any description of a process or of resources is read of nothing. */
const MOST_BYTES = 16 << 20;
const CHUNK_BYTES = 64 << 10;
const STDIN = 0;

/** Reads a file that the command line names; `-` is standard input where `stdin` says so. @throws ERR_FILE */
export function readInput(file: string, how: { readonly stdin: boolean } = { stdin: false }): Uint8Array {
  const isStdin = how.stdin && file === "-";
  try {
    const descriptor = isStdin ? STDIN : openSync(file, "r");
    try {
      return readAll(descriptor);
    } finally {
      if (!isStdin) closeSync(descriptor);
    }
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot read ${isStdin ? "standard input" : file}`, { cause });
  }
}

function readAll(descriptor: number): Uint8Array {
  const chunks: Buffer[] = [];
  for (let size = 0; size <= MOST_BYTES;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const count = readSync(descriptor, chunk, 0, CHUNK_BYTES, null);
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
    size += count;
  }
  throw new Error(`it is longer than ${MOST_BYTES} bytes`);
}
