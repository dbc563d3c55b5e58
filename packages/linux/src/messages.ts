/** Messages between our own processes: a length (u32, big-endian) and as many bytes of UTF-8 JSON. */
import { readSync, writeSync } from "node:fs";
import { fromWireError, InclavareError, type JsonValue } from "@inclavare/errors";
import { pollDescriptors } from "./descriptors.ts";

const HEADER_BYTES = 4;
/** Room for 64 KiB of arguments and as much environment many times over. */
const DEFAULT_LIMIT_BYTES = 4 << 20;

export type JsonObject = Readonly<Record<string, JsonValue>>;

export function encodeMessage(value: JsonValue): Buffer {
  const body = Buffer.from(JSON.stringify(value), "utf8");
  const message = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  message.writeUInt32BE(body.length);
  body.copy(message, HEADER_BYTES);
  return message;
}

/** Takes a stream apart into messages. After an error the stream is of no further use. */
export class MessageDecoder {
  readonly #limitBytes: number;
  /** What has come and is no complete message yet lies at the start; it grows by doubling, so that single bytes stay cheap. */
  #buffer: Buffer = Buffer.alloc(0);
  #size = 0;

  constructor(limitBytes: number = DEFAULT_LIMIT_BYTES) {
    this.#limitBytes = limitBytes;
  }

  /** @throws ERR_MESSAGE for a message over the limit, bad UTF-8 or bad JSON. */
  push(chunk: Uint8Array): JsonValue[] {
    this.#append(chunk);
    const messages: JsonValue[] = [];
    let at = 0;
    while (this.#size - at >= HEADER_BYTES) {
      const start = at + HEADER_BYTES;
      const end = start + checkLength(this.#buffer.readUInt32BE(at), this.#limitBytes);
      if (this.#size < end) break;
      messages.push(parseBody(this.#buffer.subarray(start, end)));
      at = end;
    }
    this.#buffer.copyWithin(0, at, this.#size);
    this.#size -= at;
    if (this.#size === 0) this.#buffer = Buffer.alloc(0);
    return messages;
  }

  #append(chunk: Uint8Array): void {
    const size = this.#size + chunk.length;
    if (size > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#size);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#size);
    this.#size = size;
  }
}

/** Writes one message to a blocking descriptor. */
export function writeMessageSync(fd: number, value: JsonValue): void {
  const message = encodeMessage(value);
  for (let at = 0; at < message.length;) at += writeSync(fd, message, at);
}

/**
 * Reads exactly one message from a blocking descriptor and not a byte more, so that the descriptor can be handed on.
 * @throws ERR_DEADLINE, ERR_PEER_CLOSED, ERR_MESSAGE
 */
export function readMessageSync(
  fd: number,
  options: { readonly timeoutMs: number; readonly limitBytes?: number },
): JsonValue {
  const deadline = performance.now() + options.timeoutMs;
  const length = checkLength(
    readExactly(fd, HEADER_BYTES, deadline).readUInt32BE(),
    options.limitBytes ?? DEFAULT_LIMIT_BYTES,
  );
  return parseBody(readExactly(fd, length, deadline));
}

/** Sends a request and reads its answer. @returns the answer without `ok`. @throws the error that the peer reports. */
export function requestSync(fd: number, value: JsonValue, options: { readonly timeoutMs: number }): JsonObject {
  writeMessageSync(fd, value);
  return parseAnswer(readMessageSync(fd, options));
}

/** Reads `{ok: true, ...}`, or throws what `{ok: false, error}` holds. */
export function parseAnswer(answer: JsonValue): JsonObject {
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw new InclavareError("ERR_MESSAGE", "the answer is not an object");
  }
  const { ok, error, ...fields } = answer as JsonObject;
  if (ok === true) return fields;
  throw fromWireError(error);
}

function readExactly(fd: number, size: number, deadline: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const [ready] = pollDescriptors([{ fd, readable: true }], Math.max(0, Math.ceil(deadline - performance.now())));
    if (ready === undefined || (!ready.readable && !ready.hangup)) {
      throw new InclavareError("ERR_DEADLINE", "the peer did not answer within its deadline");
    }
    const count = readOrEnd(fd, bytes, at);
    if (count === 0) throw new InclavareError("ERR_PEER_CLOSED", "the peer closed the connection before it answered");
    at += count;
  }
  return bytes;
}

/** A reset is an end as well: the peer is gone, and that is what the caller wants to know. */
function readOrEnd(fd: number, bytes: Buffer, at: number): number {
  try {
    return readSync(fd, bytes, at, bytes.length - at, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return 0;
    throw error;
  }
}

function checkLength(length: number, limitBytes: number): number {
  if (length <= limitBytes) return length;
  throw new InclavareError("ERR_MESSAGE", `a message has ${length} bytes, at most ${limitBytes} are taken`);
}

function parseBody(body: Uint8Array): JsonValue {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as JsonValue;
  } catch (cause) {
    throw new InclavareError("ERR_MESSAGE", "a message is not JSON in UTF-8", { cause });
  }
}
