import { decodeFrameHeader, FRAME_HEADER_BYTES, type FrameHeader, type FrameType } from "./frame.ts";

/** A frame, or a part of a data frame: data is passed on as it comes in. */
export interface ParsedFrame {
  readonly type: FrameType;
  readonly body: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Cuts a stream of bytes into frames. It holds at most one frame that is not data, up to the limit of its type. */
export class FrameParser {
  readonly #headerBytes = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #header: FrameHeader | undefined;
  /** The body so far, of a frame that is not data; copied, so that many small pieces hold no large buffers. */
  #body = NOTHING;
  #filled = 0;

  /** @throws InclavareError ERR_TLS_PROTOCOL; the parser is of no further use then */
  *push(chunk: Uint8Array): Generator<ParsedFrame, void> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#header === undefined) {
        rest = this.#fillHeader(rest);
        if (this.#headerFilled < FRAME_HEADER_BYTES) return;
        this.#header = decodeFrameHeader(this.#headerBytes);
        this.#body = this.#header.type === "data" ? NOTHING : new Uint8Array(this.#header.bodyBytes);
      }
      const { type, bodyBytes } = this.#header;
      const part = rest.subarray(0, bodyBytes - this.#filled);
      rest = rest.subarray(part.length);
      if (type !== "data") this.#body.set(part, this.#filled);
      else if (part.length > 0) yield { type, body: part };
      this.#filled += part.length;
      if (this.#filled < bodyBytes) return;
      const body = this.#body;
      this.#reset();
      if (type !== "data") yield { type, body };
    }
  }

  #fillHeader(bytes: Uint8Array): Uint8Array {
    const part = bytes.subarray(0, FRAME_HEADER_BYTES - this.#headerFilled);
    this.#headerBytes.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    return bytes.subarray(part.length);
  }

  #reset(): void {
    this.#header = undefined;
    this.#headerFilled = 0;
    this.#body = NOTHING;
    this.#filled = 0;
  }
}
