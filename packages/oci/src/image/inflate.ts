import { InclavareError } from "@inclavare/errors";
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";

type Decoder = Gunzip | ZstdDecompress;

/**
 * Decompresses gzip (all members) or zstd (all frames, skippable ones included).
 *
 * The decoders are fed by hand, not through `pipeline`: Node's zstd decoder stops after the first frame, while
 * zstd:chunked layers have many; its gzip decoder passes over trailing bytes that containerd refuses; and a pipeline
 * whose decoder stops early would never read, and so never verify, the rest of the source.
 * @throws ERR_OCI_LAYER for damage, a truncated gzip stream, and bytes behind the end; what `chunks` throws.
 */
export async function* inflate(
  chunks: AsyncIterable<Uint8Array>,
  kind: "gzip" | "zstd",
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let pump = new Pump(kind);
  try {
    for await (const chunk of chunks) {
      for (let rest = chunk; rest.byteLength > 0;) {
        yield* pump.write(rest);
        const used = pump.takeUsed();
        rest = rest.subarray(used);
        if (rest.byteLength === 0) break;
        // The decoder took less than it got: a frame has ended. A gzip decoder does so at the end of everything only.
        if (kind === "gzip") throw new Error("bytes behind the end");
        pump.destroy();
        pump = new Pump(kind);
      }
    }
    yield* pump.end();
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    throw new InclavareError("ERR_OCI_LAYER", `${what} is damaged, truncated, or has bytes behind its end (${kind})`, {
      cause,
    });
  } finally {
    pump.destroy();
  }
}

/** One decoder, written to and read from in turn. */
class Pump {
  private readonly decoder: Decoder;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;
  private accounted = 0;

  constructor(kind: "gzip" | "zstd") {
    this.decoder = kind === "gzip" ? createGunzip() : createZstdDecompress();
    this.decoder.on("readable", () => this.wake());
    this.decoder.on("end", () => this.wake());
    this.decoder.on("error", (error) => {
      this.failure = error;
      this.wake();
    });
  }

  /** Gives what comes out until the decoder has taken of `bytes` what it wants. */
  write(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    return this.run((done) => this.decoder.write(bytes, done));
  }

  end(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.run((done) => {
      this.decoder.once("end", done);
      this.decoder.end();
    });
  }

  /** How many bytes the decoder took since this was asked last. */
  takeUsed(): number {
    const used = this.decoder.bytesWritten - this.accounted;
    this.accounted = this.decoder.bytesWritten;
    return used;
  }

  destroy(): void {
    this.decoder.destroy();
  }

  private async *run(start: (done: () => void) => void): AsyncGenerator<Uint8Array, void, undefined> {
    let done = false;
    start(() => {
      done = true;
      this.wake();
    });
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.wake = resolve;
      // Whether it was done is asked before reading: what was pushed until then comes out now.
      const last = done;
      for (let out = this.read(); out !== null; out = this.read()) yield out;
      if (this.failure !== undefined) throw this.failure;
      if (last) return;
      if (!done) await promise;
    }
  }

  private read(): Uint8Array | null {
    return this.decoder.read() as Uint8Array | null;
  }
}
