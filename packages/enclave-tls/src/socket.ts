import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Claims, Verdict } from "@inclavare/attestation";
import { InclavareError, isInclavareError, toInclavareError } from "@inclavare/errors";
import { encodeFrame, encodeFrameHeader, MOST_DATA_BYTES } from "./frame.ts";
import { FrameParser, type ParsedFrame } from "./frame-parser.ts";
import { decodeRefusal, encodeRefusal, isToldToPeer } from "./refusal.ts";
import type { Upkeep } from "./upkeep.ts";

/** What is known about the other end, all of it established before the socket was handed out. */
export interface Peer {
  /** SHA-256 of the peer's DER SubjectPublicKeyInfo. */
  readonly spkiSha256: Uint8Array;
  readonly certificateDer: Uint8Array;
  /** Set where this side demanded evidence: what it was appraised to be, by its latest proof. */
  readonly verdict?: Verdict;
  /** Set where this side demanded a proof: the claims of the latest one. */
  readonly claims?: Claims;
  /** The workload that the proof speaks of; undefined where none was named, or no proof was demanded. */
  readonly workload?: string;
}

export interface SocketFacts {
  readonly peer: Omit<Peer, "verdict" | "claims" | "workload">;
  readonly exporter: Uint8Array;
  readonly upkeep: Upkeep;
}

/** How long the last bytes may take to reach the peer, once both sides have said all, or one has refused. */
const CLOSE_LINGER_MS = 1000;
/** Up to this size a write is copied behind its header, which is cheaper than two writes. */
const COPY_BYTES = 16 << 10;

/**
 * An open Enclave-TLS connection: a Duplex for application data, so that HTTP and any other protocol run on it. It
 * exists only after both sides have accepted. Its end is the peer's own: a connection that was cut is an error
 * (ERR_TLS_CLOSED), never an end. Destroying it closes the transport below; so does an error of either.
 * Emits "reattested" with the verdict after each further proof of the peer.
 */
export class EnclaveTlsSocket extends Duplex {
  readonly encrypted = true;
  /** The exporter value of this connection, 32 bytes, the same on both sides. */
  readonly exporter: Uint8Array;
  readonly #facts: SocketFacts;
  readonly #tls: TLSSocket;
  readonly #transport: Duplex;
  readonly #parser = new FrameParser();
  #wanted = false;
  /** The peer has ended. */
  #ended = false;
  /** This side has ended, and its last bytes have left. */
  #finished = false;
  /** Set while they are on their way: says that they have left. */
  #finish: (() => void) | undefined;
  #isAnswering = false;

  constructor(tls: TLSSocket, transport: Duplex, facts: SocketFacts) {
    super({ allowHalfOpen: false });
    this.exporter = facts.exporter;
    this.#facts = facts;
    this.#tls = tls;
    this.#transport = transport;
    // A peer that hangs up must not take the process down; whoever reads or writes is told by the stream.
    this.on("error", () => {});
    tls.on("readable", () => this.#pump());
    tls.on("end", () => this.#cut());
    tls.on("error", (error) => this.#cut(error));
    tls.on("close", () => this.#cut());
    tls.on("timeout", () => this.emit("timeout"));
    transport.on("error", (error) => this.#cut(error));
    facts.upkeep.start({
      challenge: (nonce) => this.#send("challenge", nonce),
      proven: (verdict) => this.emit("reattested", verdict),
      failed: (error) => this.revoke(error),
    });
    // Starts reading at once: a peer that hangs up is noticed even while nobody reads.
    this.read(0);
  }

  get peer(): Peer {
    return { ...this.#facts.peer, ...this.#facts.upkeep.proof };
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

  /** Demands a fresh proof of the peer now; the connection ends where it gives none that is good. */
  async reattest(): Promise<void> {
    await this.#facts.upkeep.reattest();
  }

  /** Judges the peer's latest proof again, under the policy as it is now; the connection ends where it no longer does. */
  async reappraise(): Promise<void> {
    await this.#facts.upkeep.reappraise();
  }

  /** Ends the connection at once because the peer is no longer accepted, and tells it so. */
  revoke(reason: InclavareError): void {
    if (this.destroyed) return;
    if (this.#tls.writable && isToldToPeer(reason)) this.#tls.end(encodeFrame("refuse", encodeRefusal(reason)));
    this.destroy(reason);
  }

  override _read(): void {
    this.#wanted = true;
    this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const tls = this.#tls;
    tls.cork();
    let rest = chunk;
    while (rest.length > MOST_DATA_BYTES) {
      this.#send("data", rest.subarray(0, MOST_DATA_BYTES));
      rest = rest.subarray(MOST_DATA_BYTES);
    }
    this.#send("data", rest, (error) => done(error === null || error === undefined ? undefined : lost(error)));
    tls.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish = () => {
      this.#finish = undefined;
      this.#finished = true;
      done();
    };
    this.#send("end", new Uint8Array(0), (error) => {
      if (error === null || error === undefined) this.#finish?.();
      else this.#cut(error);
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#facts.upkeep.stop();
    const isClean = error === null && this.#ended && this.#finished;
    if (!isClean && !this.#tls.writableEnded) {
      this.#close();
      done(error);
      return;
    }
    // What is on its way (an end, or a refusal) may still arrive, but not keep the connection for ever.
    const timer = setTimeout(() => this.#close(), CLOSE_LINGER_MS);
    this.#tls.once("close", () => {
      clearTimeout(timer);
      this.#close();
      if (isClean) done(null);
    });
    this.#tls.end();
    this.#tls.resume();
    if (!isClean) done(error);
  }

  #close(): void {
    this.#tls.destroy();
    this.#transport.destroy();
  }

  #send(
    type: "challenge" | "evidence" | "data" | "end",
    body: Uint8Array,
    done?: (error?: Error | null) => void,
  ): void {
    const tls = this.#tls;
    if (body.length <= COPY_BYTES) {
      tls.write(encodeFrame(type, body), done);
      return;
    }
    tls.cork();
    tls.write(encodeFrameHeader(type, body.length));
    tls.write(body, done);
    tls.uncork();
  }

  #pump(): void {
    while (this.#wanted && !this.destroyed) {
      const chunk = this.#tls.read() as Buffer | null;
      if (chunk === null) return;
      try {
        for (const frame of this.#parser.push(chunk)) this.#take(frame);
      } catch (error) {
        this.destroy(toInclavareError(error));
      }
    }
  }

  #take({ type, body }: ParsedFrame): void {
    if (type === "refuse") throw decodeRefusal(body);
    if (type === "challenge" && body.length > 0) this.#answer(body);
    else if (type === "evidence") this.#facts.upkeep.answered(body);
    else if (type === "data" && !this.#ended) this.#wanted = this.push(body) && this.#wanted;
    else if (type === "end" && !this.#ended) {
      this.#ended = true;
      this.push(null);
      this.read(0);
    } else throw new InclavareError("ERR_TLS_PROTOCOL", `peer sent frame "${type}" out of order`);
  }

  /** One challenge at a time: a peer that does not wait for the answer is asking for work only. */
  #answer(nonce: Uint8Array): void {
    if (this.#isAnswering) throw new InclavareError("ERR_TLS_PROTOCOL", "peer sent a challenge before the last answer");
    this.#isAnswering = true;
    this.#facts.upkeep.answer(nonce).then(
      (message) => {
        this.#isAnswering = false;
        if (this.#tls.writable) this.#send("evidence", message);
      },
      (error: unknown) => this.revoke(toInclavareError(error)),
    );
  }

  /**
   * The transport or TLS ended. A peer that has ended hangs up only once it has this side's end too, so that only its
   * farewell (close_notify) can have been lost then; at any other time the connection broke.
   */
  #cut(cause?: Error): void {
    if (this.destroyed || (this.#ended && this.#finished)) return;
    if (this.#ended && this.#finish !== undefined) this.#finish();
    else this.destroy(lost(cause));
  }
}

function lost(cause?: Error): InclavareError {
  if (isInclavareError(cause)) return cause;
  return new InclavareError("ERR_TLS_CLOSED", "the connection broke", cause === undefined ? {} : { cause });
}
