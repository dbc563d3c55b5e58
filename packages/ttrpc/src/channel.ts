import type { Duplex } from "node:stream";
import { encodeFrame, type Frame, type FRAME_TYPE, FrameDecoder, MAX_DATA_BYTES } from "./frame.ts";
import { STATUS, TtrpcError } from "./status.ts";

export interface ChannelEvents {
  frame(frame: Frame): void;
  /** Once, when nothing more can come. */
  closed(): void;
}

/** Frames over a stream. Takes the stream over: nobody else may read, write or close it. */
export class Channel {
  readonly #stream: Duplex;
  readonly #events: ChannelEvents;
  readonly #decoder = new FrameDecoder();
  #draining: PromiseWithResolvers<void> | undefined;
  #open = true;

  /** @param options.pauses whether to stop reading while the peer does not. Only one side may, or both could wait for ever. */
  constructor(stream: Duplex, events: ChannelEvents, options: { readonly pauses: boolean }) {
    this.#stream = stream;
    this.#events = events;
    stream.on("data", (chunk: Uint8Array) => this.#receive(chunk, options.pauses));
    stream.on("drain", () => this.#drain());
    for (const event of ["end", "close", "error"]) stream.on(event, () => this.destroy());
    if (stream.destroyed || stream.readableEnded) queueMicrotask(() => this.destroy());
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether the peer reads more slowly than we write. */
  get isCongested(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** What was written and the peer has not taken yet. */
  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  /** Resolves when the peer has read on, or the channel has closed; one promise for all who wait. */
  async drained(): Promise<void> {
    if (!this.#open || !this.isCongested) return;
    this.#draining ??= Promise.withResolvers<void>();
    await this.#draining.promise;
  }

  /** Does nothing once the channel is closed. Preconditions: `data` is at most {@link MAX_DATA_BYTES} long. */
  send(frame: { streamId: number; type: (typeof FRAME_TYPE)[keyof typeof FRAME_TYPE]; data: Uint8Array }): void {
    if (!this.#open) return;
    this.#stream.write(encodeFrame(frame));
  }

  /** Sends what is written, then closes. */
  end(): void {
    if (this.#open) this.#stream.end(() => this.destroy());
  }

  destroy(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream.on("error", () => undefined); // what comes after the end interests nobody
    this.#stream.destroy();
    this.#drain();
    this.#events.closed();
  }

  #drain(): void {
    this.#draining?.resolve();
    this.#draining = undefined;
  }

  #receive(chunk: Uint8Array, pauses: boolean): void {
    for (const frame of this.#decoder.push(chunk)) {
      if (!this.#open) return;
      this.#events.frame(frame);
    }
    if (!pauses || !this.#open || !this.isCongested) return;
    this.#stream.pause();
    void this.drained().then(() => this.#stream.resume());
  }
}

/** @throws TtrpcError RESOURCE_EXHAUSTED */
export function assertSize(data: Uint8Array, what: string): void {
  if (data.length <= MAX_DATA_BYTES) return;
  throw new TtrpcError(STATUS.resourceExhausted, `${what} has ${data.length} bytes, at most ${MAX_DATA_BYTES} travel`);
}
