import type { Duplex } from "node:stream";
import { InclavareError } from "@inclavare/errors";
import { decodeFrameHeader, encodeFrame, FRAME_HEADER_BYTES, type FrameType } from "./frame.ts";
import { decodeRefusal, encodeRefusal } from "./refusal.ts";

/**
 * The frames of one proof exchange on one stream. It reads exactly the frames it is asked for and not a byte more: what
 * follows the last one stays in the stream, for whoever reads next.
 */
export class FrameChannel {
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /**
   * The body of the next frame, which must be of the given type.
   * @throws InclavareError ERR_TLS_PROTOCOL for any other type or size, ERR_TLS_REFUSED_BY_PEER for a refuse frame in
   * its place, ERR_TLS_CLOSED where the stream ends first.
   */
  async read(expected: FrameType): Promise<Uint8Array> {
    const header = decodeFrameHeader(await this.#readExactly(FRAME_HEADER_BYTES));
    const body = header.bodyBytes === 0 ? new Uint8Array(0) : await this.#readExactly(header.bodyBytes);
    if (header.type === "refuse") throw decodeRefusal(body);
    if (header.type !== expected) {
      throw new InclavareError("ERR_TLS_PROTOCOL", `got frame "${header.type}", expected "${expected}"`);
    }
    return body;
  }

  write(type: FrameType, body?: Uint8Array): void {
    if (!this.#stream.writable)
      throw new InclavareError("ERR_TLS_CLOSED", `connection closed before "${type}" was sent`);
    this.#stream.write(encodeFrame(type, body));
  }

  /** Bytes that have come in and that no read has taken yet. */
  get pendingBytes(): number {
    return this.#stream.readableLength;
  }

  /**
   * Tells the peer why this side refuses, then waits until the peer hangs up or the time is over. What still comes in is
   * thrown away unread: closing with unread input would reset the connection, and the peer would never see the reason.
   */
  async refuse(reason: unknown, timeoutMs: number): Promise<void> {
    const stream = this.#stream;
    if (!stream.writable) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    stream.once("close", resolve).once("end", resolve).once("error", resolve);
    stream.on("readable", () => {
      while (stream.read() !== null);
    });
    stream.end(encodeFrame("refuse", encodeRefusal(reason)));
    stream.read(0);
    await promise;
    clearTimeout(timer);
  }

  async #readExactly(length: number): Promise<Uint8Array> {
    for (;;) {
      const chunk = this.#stream.read(length) as Buffer | null;
      if (chunk !== null && chunk.length === length) return chunk;
      if (chunk !== null || !this.#stream.readable) throw closed(this.#stream);
      await this.#moreInput();
    }
  }

  /** Resolves when a read may give more, or when nothing can come any more; the next read then tells which. */
  async #moreInput(): Promise<void> {
    const stream = this.#stream;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => resolve();
    const events = ["readable", "end", "close", "error"] as const;
    for (const event of events) stream.on(event, done);
    try {
      await promise;
    } finally {
      for (const event of events) stream.off(event, done);
    }
  }
}

function closed(stream: Duplex): InclavareError {
  const options = stream.errored === null ? {} : { cause: stream.errored };
  return new InclavareError("ERR_TLS_CLOSED", "connection ended during the proof exchange", options);
}
