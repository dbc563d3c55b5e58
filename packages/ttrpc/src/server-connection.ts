import type { Duplex } from "node:stream";
import { Channel } from "./channel.ts";
import { type Frame, FRAME_TYPE, MAX_DATA_BYTES } from "./frame.ts";
import { request, type Request, response } from "./messages.ts";
import type { AnyMethod, CallContext, Metadata } from "./service.ts";
import { type Status, STATUS, TtrpcError, toStatus } from "./status.ts";

/** Remote-closed and remote-open: a request with one of them begins a stream. */
const STREAM_FLAGS = 3;
/** While more than this waits for the peer to read it, further answers are replaced by a status. */
const MAX_BUFFERED_BYTES = 16 << 20;
const NANOS_PER_MS = 1e6;
/** Longer ones cannot be timed, and nobody would see the difference. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface ConnectionOptions {
  readonly methods: ReadonlyMap<string, ReadonlyMap<string, AnyMethod>>;
  readonly statusOf: (thrown: unknown) => Status;
  readonly maxCalls: number;
  readonly maxRequestBytes: number;
  readonly closed: () => void;
}

interface Call {
  readonly controller: AbortController;
  timer?: NodeJS.Timeout;
}

/** One connection of a server: answers every request once, in any order. */
export class ServerConnection {
  readonly #channel: Channel;
  readonly #options: ConnectionOptions;
  /** Calls that have no answer yet, by stream. */
  readonly #calls = new Map<number, Call>();
  /** Handlers that run, also those whose caller has given up, and the bytes of their requests. */
  #running = 0;
  #runningBytes = 0;
  #lastStreamId = 0;
  #draining = false;

  constructor(stream: Duplex, options: ConnectionOptions) {
    this.#options = options;
    this.#channel = new Channel(
      stream,
      { frame: (frame) => this.#receive(frame), closed: () => this.#closed() },
      { pauses: true },
    );
  }

  /** Takes no more calls, and closes once those in flight are answered. */
  drain(): void {
    this.#draining = true;
    if (this.#calls.size === 0) this.#channel.end();
  }

  /** Closes at once; calls in flight are aborted. */
  destroy(): void {
    this.#channel.destroy();
  }

  #closed(): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) {
      clearTimeout(call.timer);
      call.controller.abort(new TtrpcError(STATUS.cancelled, "the connection has closed"));
    }
    this.#options.closed();
  }

  #receive(frame: Frame): void {
    const { type, streamId, data } = frame;
    if (type !== FRAME_TYPE.request && type !== FRAME_TYPE.data) return; // of a later version
    const refused = this.#refusal(frame);
    if (type === FRAME_TYPE.request && streamId > this.#lastStreamId) this.#lastStreamId = streamId;
    if (refused !== undefined || data === undefined) this.#send(streamId, { status: refused ?? tooLong(frame) });
    else this.#begin(streamId, data, frame.flags);
  }

  /** What the frame is refused for before anybody looks into it. */
  #refusal({ type, streamId }: Frame): Status | undefined {
    if (streamId % 2 !== 1) return invalid(`stream ${streamId} is even, clients number theirs odd`);
    if (type === FRAME_TYPE.data) return invalid(`stream ${streamId} takes no data`);
    if (streamId <= this.#lastStreamId) return invalid(`stream ${streamId} does not follow ${this.#lastStreamId}`);
    return undefined;
  }

  #begin(streamId: number, data: Uint8Array, flags: number): void {
    const { maxCalls, maxRequestBytes } = this.#options;
    try {
      if (this.#draining) throw new TtrpcError(STATUS.unavailable, "the server is closing");
      const isFull = this.#running >= maxCalls || this.#runningBytes + data.length > maxRequestBytes;
      if (isFull) throw new TtrpcError(STATUS.resourceExhausted, `${this.#running} calls are in flight already`);
      const call = request.decode(data);
      const method = this.#find(call);
      if ((flags & STREAM_FLAGS) !== 0)
        throw new TtrpcError(STATUS.unimplemented, `method ${call.method} is not a stream`);
      void this.#run(streamId, data.length, call, method);
    } catch (error) {
      this.#send(streamId, { status: toStatus(error) });
    }
  }

  #find({ service, method }: Request): AnyMethod {
    const methods = this.#options.methods.get(service);
    if (methods === undefined) throw new TtrpcError(STATUS.unimplemented, `service ${service}`);
    const found = methods.get(method);
    if (found === undefined) throw new TtrpcError(STATUS.unimplemented, `method ${method}`);
    return found;
  }

  async #run(streamId: number, size: number, { service, method, ...rest }: Request, found: AnyMethod): Promise<void> {
    const controller = new AbortController();
    const call: Call = { controller };
    this.#calls.set(streamId, call);
    this.#running += 1;
    this.#runningBytes += size;
    const limitMs = limitOf(rest.timeoutNanos);
    if (limitMs !== undefined) call.timer = setTimeout(() => this.#expire(streamId, call), Math.ceil(limitMs));
    const context: CallContext = {
      service,
      method,
      metadata: metadataOf(rest.metadata),
      signal: controller.signal,
      deadlineMs: limitMs === undefined ? undefined : performance.now() + limitMs,
    };
    try {
      this.#answer(streamId, call, { payload: await invoke(found, rest.payload, context) });
    } catch (error) {
      this.#answer(streamId, call, { status: this.#statusOf(error) });
    } finally {
      this.#running -= 1;
      this.#runningBytes -= size;
    }
  }

  #statusOf(thrown: unknown): Status {
    try {
      return this.#options.statusOf(thrown);
    } catch {
      return toStatus(thrown); // whoever maps errors must not cost the caller the answer
    }
  }

  #expire(streamId: number, call: Call): void {
    const error = new TtrpcError(STATUS.deadlineExceeded, "the call's deadline has passed");
    this.#answer(streamId, call, { status: toStatus(error) });
    call.controller.abort(error);
  }

  /** Only the first answer of a call is sent. */
  #answer(streamId: number, call: Call, answer: Answer): void {
    if (this.#calls.get(streamId) !== call) return;
    this.#calls.delete(streamId);
    clearTimeout(call.timer);
    const isFull = answer.payload !== undefined && this.#channel.bufferedBytes > MAX_BUFFERED_BYTES;
    this.#send(streamId, isFull ? { status: NOBODY_READS } : answer);
    if (this.#draining && this.#calls.size === 0) this.#channel.end();
  }

  #send(streamId: number, answer: Answer): void {
    this.#channel.send({ streamId, type: FRAME_TYPE.response, data: encodeAnswer(answer) });
  }
}

interface Answer {
  readonly status?: Status;
  readonly payload?: Uint8Array;
}

const NOBODY_READS: Status = {
  code: STATUS.resourceExhausted,
  message: `more than ${MAX_BUFFERED_BYTES} bytes of answers have not been read`,
};

async function invoke(method: AnyMethod, payload: Uint8Array, context: CallContext): Promise<Uint8Array> {
  const value = rethrow(STATUS.invalidArgument, () => method.request.decode(payload));
  const answer = await method.handle(value as never, context);
  return rethrow(STATUS.internal, () => method.response.encode(answer as never));
}

/** Whatever a codec throws becomes that status, its own {@link TtrpcError} excepted. */
function rethrow<T>(status: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof TtrpcError) throw error;
    throw new TtrpcError(status, toStatus(error).message, { cause: error });
  }
}

function encodeAnswer({ status, payload }: Answer): Uint8Array {
  const data = response.encode({
    ...(status === undefined ? {} : { status: { details: [], ...status } }),
    ...(payload === undefined ? {} : { payload }),
  });
  if (data.length <= MAX_DATA_BYTES) return data;
  const code = status?.code ?? STATUS.resourceExhausted;
  const message = `the answer has ${data.length} bytes, at most ${MAX_DATA_BYTES} travel`;
  return response.encode({ status: { code, message, details: [] } });
}

function invalid(message: string): Status {
  return { code: STATUS.invalidArgument, message };
}

function tooLong({ length }: Frame): Status {
  const message = `the message has ${length} bytes, at most ${MAX_DATA_BYTES} are taken`;
  return { code: STATUS.resourceExhausted, message };
}

function limitOf(nanos: bigint): number | undefined {
  if (nanos === 0n) return undefined;
  const ms = Math.max(0, Number(nanos) / NANOS_PER_MS);
  return ms > MAX_TIMER_MS ? undefined : ms;
}

function metadataOf(pairs: Request["metadata"]): Metadata {
  const metadata = new Map<string, string[]>();
  for (const { key, value } of pairs) {
    const values = metadata.get(key);
    if (values === undefined) metadata.set(key, [value]);
    else values.push(value);
  }
  return metadata;
}
