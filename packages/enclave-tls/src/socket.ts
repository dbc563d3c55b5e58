import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Claims, Verdict } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";

/** What is known about the other end, all of it established before the socket was handed out. */
export interface Peer {
  /** SHA-256 of the peer's DER SubjectPublicKeyInfo. */
  readonly spkiSha256: Uint8Array;
  readonly certificateDer: Uint8Array;
  /** Set where this side demanded evidence: what it was appraised to be. */
  readonly verdict?: Verdict;
  /** Set where this side demanded evidence: the claims of the session's proof. */
  readonly claims?: Claims;
  /** The workload that the proof speaks of; undefined where none was named, or no evidence was demanded. */
  readonly workload?: string;
}

const CLOSE_LINGER_MS = 1000;

/**
 * An open Enclave-TLS connection: a Duplex for application data, so that HTTP and any other protocol run on it. It
 * exists only after both sides have accepted. Destroying it closes the transport below; so does an error of either.
 */
export class EnclaveTlsSocket extends Duplex {
  readonly encrypted = true;
  readonly peer: Peer;
  /** The exporter value of this connection, 32 bytes, the same on both sides. */
  readonly exporter: Uint8Array;
  readonly #tls: TLSSocket;
  readonly #transport: Duplex;
  #wanted = false;
  #ended = false;
  #finished: (() => void) | undefined;

  constructor(tls: TLSSocket, transport: Duplex, facts: { readonly peer: Peer; readonly exporter: Uint8Array }) {
    super({ allowHalfOpen: false });
    this.peer = facts.peer;
    this.exporter = facts.exporter;
    this.#tls = tls;
    this.#transport = transport;
    tls.on("readable", () => this.#pump());
    tls.on("end", () => this.#end());
    tls.on("error", (error) => this.#failed(error));
    tls.on("close", () => this.#closed());
    tls.on("timeout", () => this.emit("timeout"));
    transport.on("error", (error) => this.#failed(error));
    // Starts reading at once: a peer that hangs up is noticed even while nobody reads.
    this.read(0);
  }

  get remoteAddress(): string | undefined {
    return this.#tls.remoteAddress;
  }

  /** Emits "timeout" after this long without traffic; 0 turns it off. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (listener !== undefined) this.once("timeout", listener);
    this.#tls.setTimeout(timeoutMs);
    return this;
  }

  setNoDelay(on = true): this {
    this.#tls.setNoDelay(on);
    return this;
  }

  setKeepAlive(on = false, initialDelayMs = 0): this {
    this.#tls.setKeepAlive(on, initialDelayMs);
    return this;
  }

  ref(): this {
    this.#tls.ref();
    return this;
  }

  unref(): this {
    this.#tls.unref();
    return this;
  }

  override _read(): void {
    this.#wanted = true;
    this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#tls.write(chunk, (error) => done(error === null || error === undefined ? undefined : lost(error)));
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#tls.destroyed) {
      done();
      return;
    }
    this.#finished = once(done);
    this.#tls.end(this.#finished);
    this.#lingerWhenDone();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#tls.destroy();
    this.#transport.destroy();
    done(error);
  }

  #pump(): void {
    while (this.#wanted) {
      const chunk = this.#tls.read() as Buffer | null;
      if (chunk === null) return;
      this.#wanted = this.push(chunk);
    }
  }

  #end(): void {
    this.#ended = true;
    this.push(null);
    this.read(0);
    this.#lingerWhenDone();
  }

  /** Both sides have said all. A transport that never confirms the last bytes must not keep the socket for ever. */
  #lingerWhenDone(): void {
    const finished = this.#finished;
    if (!this.#ended || finished === undefined) return;
    const timer = setTimeout(finished, CLOSE_LINGER_MS);
    this.once("close", () => clearTimeout(timer));
  }

  /** Where both sides have said all, only the farewell (close_notify) was lost, and nobody misses it. */
  #failed(error: Error): void {
    if (this.#ended && this.#finished !== undefined) this.#finished();
    else this.destroy(lost(error));
  }

  /** After a proper end, what the reader has not read yet stays readable; without one, the connection broke. */
  #closed(): void {
    if (!this.#ended) this.destroy(lost());
    else if (this.writableFinished) this.#transport.destroy();
  }
}

function once(done: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) done();
    isDone = true;
  };
}

function lost(cause?: Error): InclavareError {
  return new InclavareError("ERR_TLS_CLOSED", "the connection broke", cause === undefined ? {} : { cause });
}
