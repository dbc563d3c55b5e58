import type { Duplex } from "node:stream";
import { assertSize, Channel } from "./channel.ts";
import { type Frame, FRAME_TYPE } from "./frame.ts";
import { request, response } from "./messages.ts";
import type { RemoteMethod } from "./service.ts";
import { STATUS, TtrpcError } from "./status.ts";

const NANOS_PER_MS = 1e6;
const MAX_STREAM_ID = 0xffff_ffff;
const DEFAULT_MAX_CALLS = 4096;

export interface CallOptions {
  /** How long to wait for the answer; it travels with the call. Left out: for ever. */
  readonly timeoutMs?: number;
  /** Keys in lower case. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** Gives the call up. The server is not told: ttrpc has no word for it. */
  readonly signal?: AbortSignal;
}

interface Call {
  /** The payload of a good answer. */
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: TtrpcError) => void;
}

/** The calling side of one connection. It opens no socket itself, and takes over the stream that it is given. */
export class Client implements Disposable {
  readonly #channel: Channel;
  readonly #maxCalls: number;
  readonly #calls = new Set<Call>();
  readonly #byStream = new Map<number, Call>();
  readonly #closed = Promise.withResolvers<void>();
  #nextStreamId = 1;

  constructor(stream: Duplex, options: ClientOptions = {}) {
    this.#maxCalls = options.maxCalls ?? DEFAULT_MAX_CALLS;
    const events = { frame: (frame: Frame) => this.#receive(frame), closed: () => this.#failAll() };
    // A client reads on whatever happens: if both sides paused, both would wait for ever.
    this.#channel = new Channel(stream, events, { pauses: false });
  }

  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  /** Resolves when the connection has closed, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Calls a unary method.
   * @throws TtrpcError the status that the server answered; DEADLINE_EXCEEDED and CANCELLED also from this side;
   *   UNAVAILABLE when the connection closes first; RESOURCE_EXHAUSTED when the request is too long to travel or too many
   *   calls wait.
   */
  async call<Q, A>(method: RemoteMethod<Q, A>, value: Q, options: CallOptions = {}): Promise<A> {
    const { timeoutMs, signal } = options;
    if (!this.isOpen) throw closedError();
    if (signal?.aborted === true) throw cancelled(signal);
    if (this.#calls.size >= this.#maxCalls)
      throw new TtrpcError(STATUS.resourceExhausted, `${this.#calls.size} calls wait for an answer already`);
    const payload = method.request.encode(value);
    const deadlineMs = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    promise.catch(() => undefined); // it may fail while nobody looks yet
    const call: Call = { resolve, reject };
    const abort = (): void => reject(cancelled(signal));
    const expire = (): void => reject(new TtrpcError(STATUS.deadlineExceeded, `no answer within ${timeoutMs} ms`));
    const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    this.#calls.add(call);
    let streamId: number | undefined;
    try {
      while (this.#channel.isCongested) await Promise.race([this.#channel.drained(), promise]);
      streamId = this.#send(method, payload, call, { ...options, deadlineMs });
      return decodeAnswer(method, await promise);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#calls.delete(call);
      if (streamId !== undefined) this.#byStream.delete(streamId);
    }
  }

  /** Closes the connection; calls that wait fail with UNAVAILABLE. */
  close(): void {
    this.#channel.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #send(
    { service, method }: { readonly service: string; readonly method: string },
    payload: Uint8Array,
    call: Call,
    { metadata = {}, deadlineMs }: CallOptions & { readonly deadlineMs: number | undefined },
  ): number {
    const data = request.encode({
      service,
      method,
      payload,
      ...(deadlineMs === undefined ? {} : { timeoutNanos: nanosUntil(deadlineMs) }),
      metadata: Object.entries(metadata).flatMap(([key, values]) => [values].flat().map((value) => ({ key, value }))),
    });
    assertSize(data, `the request of ${method}`);
    const streamId = this.#nextStreamId;
    if (streamId > MAX_STREAM_ID) {
      this.close();
      throw new TtrpcError(STATUS.unavailable, "the connection has no stream left");
    }
    this.#nextStreamId += 2;
    this.#byStream.set(streamId, call);
    this.#channel.send({ streamId, type: FRAME_TYPE.request, data });
    return streamId;
  }

  /** An answer that nobody waits for any more is dropped. */
  #receive({ type, streamId, data, length }: Frame): void {
    const call = this.#byStream.get(streamId);
    if (call === undefined || (type !== FRAME_TYPE.response && type !== FRAME_TYPE.data)) return;
    this.#byStream.delete(streamId);
    if (type === FRAME_TYPE.data) return call.reject(broken("data came where a response belongs"));
    if (data === undefined)
      return call.reject(new TtrpcError(STATUS.resourceExhausted, `the answer has ${length} bytes`));
    try {
      const { status, payload } = response.decode(data);
      if (status === undefined || status.code === STATUS.ok) call.resolve(payload);
      else call.reject(new TtrpcError(status.code, status.message, { details: status.details }));
    } catch (cause) {
      call.reject(broken("the answer is not a ttrpc response", cause));
    }
  }

  #failAll(): void {
    for (const call of this.#calls) call.reject(closedError());
    this.#closed.resolve();
  }
}

export interface ClientOptions {
  /** Calls that may wait at once. Left out: 4096. */
  readonly maxCalls?: number;
}

/** Makes the client of a connected stream. */
export function createClient(stream: Duplex, options: ClientOptions = {}): Client {
  return new Client(stream, options);
}

function decodeAnswer<Q, A>({ response: codec, method }: RemoteMethod<Q, A>, payload: Uint8Array): A {
  try {
    return codec.decode(payload);
  } catch (cause) {
    throw broken(`the answer of ${method} cannot be decoded`, cause);
  }
}

function nanosUntil(deadlineMs: number): bigint {
  return BigInt(Math.max(1, Math.trunc((deadlineMs - performance.now()) * NANOS_PER_MS)));
}

function closedError(): TtrpcError {
  return new TtrpcError(STATUS.unavailable, "ttrpc: closed");
}

function cancelled(signal: AbortSignal | undefined): TtrpcError {
  return new TtrpcError(STATUS.cancelled, "the call was given up", { cause: signal?.reason });
}

function broken(message: string, cause?: unknown): TtrpcError {
  return new TtrpcError(STATUS.internal, message, { cause });
}
