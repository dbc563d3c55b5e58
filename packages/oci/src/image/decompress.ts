import { InclavareError } from "@inclavare/errors";
import type { Readable } from "node:stream";
import { inflate } from "./inflate.ts";
import { type Compression, sniffCompression } from "./media-types.ts";
import type { Budget } from "./limits.ts";

/**
 * Decompresses as it is read. The whole of `source` is consumed before the result ends, so that a check at the source's
 * end has been made by then.
 * @param compression what it must be; left out: what its first bytes say.
 * @throws ERR_OCI_MEDIA_TYPE when the first bytes say otherwise; ERR_OCI_LAYER for damaged or truncated data, and for
 * bytes behind its end; ERR_OCI_LIMIT; what the source throws.
 */
export async function* decompress(
  source: Readable,
  budget: Budget,
  what: string,
  compression?: Compression,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { start, chunks } = await peek(source);
  const found = sniffCompression(start);
  if (compression !== undefined && found !== compression) {
    source.destroy();
    throw new InclavareError("ERR_OCI_MEDIA_TYPE", `${what} should have compression ${compression}, it has ${found}`);
  }
  yield* bounded(found === "none" ? chunks : inflate(chunks, found, what), budget, what);
}

async function* bounded(
  chunks: AsyncIterable<Uint8Array>,
  budget: Budget,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    budget.take("totalBytes", chunk.byteLength, what);
    yield chunk;
  }
}

interface Peeked {
  /** The first four bytes, or fewer where there are no more. */
  readonly start: Uint8Array;
  /** Everything, from the beginning. */
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;
}

async function peek(source: Readable): Promise<Peeked> {
  const iterator = (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  let start: Uint8Array = new Uint8Array(0);
  while (start.byteLength < 4) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    start = Buffer.concat([start, value]);
  }
  const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (start.byteLength > 0) yield start;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      source.destroy();
    }
  };
  return { start: start.subarray(0, 4), chunks: chunks() };
}
