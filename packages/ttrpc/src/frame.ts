/** Frames: a header of ten bytes, then data. */

export const HEADER_BYTES = 10;
/** Longer data is discarded by whoever receives it. */
export const MAX_DATA_BYTES: number = 4 << 20;

export const FRAME_TYPE = { request: 1, response: 2, data: 3 } as const;

export interface Frame {
  /** Odd, since clients number the streams. */
  readonly streamId: number;
  /** One of {@link FRAME_TYPE}; others are passed on, for the receiver to ignore. */
  readonly type: number;
  readonly flags: number;
  /** Undefined for a frame over the limit: its data was read and thrown away. */
  readonly data: Uint8Array | undefined;
  /** As the header said, in bytes. */
  readonly length: number;
}

/** Encodes header and data into one piece. Preconditions: `data` is not longer than {@link MAX_DATA_BYTES}. */
export function encodeFrame(frame: { streamId: number; type: number; flags?: number; data: Uint8Array }): Buffer {
  const { streamId, type, flags = 0, data } = frame;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.writeUInt32BE(streamId, 4);
  bytes.writeUInt8(type, 8);
  bytes.writeUInt8(flags, 9);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

interface Header {
  readonly length: number;
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
}

/** Takes a stream apart into frames, however it is cut. Holds at most one frame; nothing that comes is an error. */
export class FrameDecoder {
  readonly #chunks: Buffer[] = [];
  #held = 0;
  #header: Header | undefined;
  /** Bytes of an oversized frame that are still to be thrown away. */
  #discarding = 0;

  /** @returns the frames that this chunk completes; their data may be views of the chunk. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      const wanted = this.#discarding > 0 ? this.#discarding : this.#wanted() - this.#held;
      const taken = rest.subarray(0, wanted);
      rest = rest.subarray(taken.length);
      const frame = this.#discarding > 0 ? this.#discard(taken.length) : this.#take(taken);
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  #wanted(): number {
    return this.#header?.length ?? HEADER_BYTES;
  }

  #take(bytes: Buffer): Frame | undefined {
    this.#chunks.push(bytes);
    this.#held += bytes.length;
    if (this.#held < this.#wanted()) return undefined;
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#chunks.length = 0;
    this.#held = 0;
    if (this.#header !== undefined) return this.#finish(this.#header, whole);
    const header = decodeHeader(whole);
    if (header.length === 0) return this.#finish(header, new Uint8Array());
    this.#header = header;
    if (header.length > MAX_DATA_BYTES) this.#discarding = header.length;
    return undefined;
  }

  #discard(count: number): Frame | undefined {
    this.#discarding -= count;
    if (this.#discarding > 0 || this.#header === undefined) return undefined;
    return this.#finish(this.#header, undefined);
  }

  #finish(header: Header, data: Uint8Array | undefined): Frame {
    this.#header = undefined;
    return { ...header, data };
  }
}

function decodeHeader(bytes: Buffer): Header {
  return {
    length: bytes.readUInt32BE(0),
    streamId: bytes.readUInt32BE(4),
    type: bytes.readUInt8(8),
    flags: bytes.readUInt8(9),
  };
}
