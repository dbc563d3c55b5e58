/** An aesmd of ours: the documented messages over a Unix socket, by a codec of its own, so that a wrong field number shows. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { decodeReportBody } from "@inclavare/sgx";
import { createWorld } from "./world.ts";

type Fields = ReadonlyMap<number, number | Buffer>;

export interface AesmFaults {
  /** Attestation keys by their algorithm; left out: one of EPID (0) and one of ECDSA with P-256 (2). */
  readonly algorithms?: readonly number[];
  /** The error number of an operation's answer. */
  readonly errors?: Readonly<Record<number, number>>;
  /** In place of an operation's whole answer; nothing is sent for `null`. */
  readonly answers?: Readonly<Record<number, Buffer | null>>;
  readonly quote?: (quote: Uint8Array) => Uint8Array;
  readonly quoteSize?: number;
}

export interface AesmDouble extends AsyncDisposable {
  readonly requests: { readonly operation: number; readonly fields: Fields }[];
}

const INIT = 15;
const SIZE = 16;
const QUOTE = 17;
const COUNT = 21;
const IDS = 22;
const PUBLIC_KEY_ID_BYTES = 32;
export const TARGET_INFO = Buffer.alloc(512, 0x51);

export async function startAesm(path: string, faults: AesmFaults = {}): Promise<AesmDouble> {
  const requests: { readonly operation: number; readonly fields: Fields }[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readUInt32LE()) return;
      const [[operation, body] = [0, Buffer.alloc(0)]] = decode(received.subarray(4));
      const fields = decode(body as Buffer);
      requests.push({ operation, fields });
      const whole = faults.answers?.[operation];
      if (whole === null) return;
      // In two pieces: a stream has no edges.
      const answer = whole ?? framed(answerTo(operation, fields, faults));
      socket.write(answer.subarray(0, 3));
      setImmediate(() => socket.end(answer.subarray(3)));
    });
  });
  server.listen(path);
  await once(server, "listening");
  return {
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, "close");
    },
  };
}

function answerTo(operation: number, fields: Fields, faults: AesmFaults): Buffer {
  const { algorithms = [0, 2] } = faults;
  const error = faults.errors?.[operation] ?? 0;
  const parts: Buffer[] = [number(1, error)];
  if (error === 0) {
    if (operation === COUNT) parts.push(number(2, algorithms.length));
    if (operation === IDS) parts.push(bytes(2, Buffer.concat(algorithms.map(keyId))));
    if (operation === INIT) {
      // As aesmd: the key's public id only where it is asked for, into a buffer that is large enough.
      const isWanted = fields.get(3) === 1;
      if (!fields.has(3) || !fields.has(4) || (isWanted && fields.get(4) !== PUBLIC_KEY_ID_BYTES)) {
        return bytes(operation, number(1, 3));
      }
      parts.push(bytes(2, TARGET_INFO), number(3, PUBLIC_KEY_ID_BYTES));
      if (isWanted) parts.push(bytes(4, Buffer.alloc(PUBLIC_KEY_ID_BYTES, 7)));
    }
    const quote = operation === QUOTE ? quoteOf(fields.get(1) as Buffer) : new Uint8Array(0);
    if (operation === SIZE) parts.push(number(2, faults.quoteSize ?? 8192));
    if (operation === QUOTE) parts.push(bytes(2, Buffer.from(faults.quote?.(quote) ?? quote)));
  }
  return bytes(operation, Buffer.concat(parts));
}

/** A quote of this very report, under a world's keys. */
export function quoteOf(report: Uint8Array): Uint8Array {
  return createWorld({ report: decodeReportBody(report.subarray(0, 384)) }).quote;
}

function keyId(algorithm: number): Buffer {
  const id = Buffer.alloc(256, algorithm);
  id.writeUInt32LE(algorithm, 154);
  return id;
}

export function framed(message: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(message.length);
  return Buffer.concat([header, message]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 0x80);
  return Buffer.from([...out, rest]);
}

export function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

export function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
}

function decode(message: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = read();
    const value = read();
    if (tag % 8 === 0) fields.set(Math.floor(tag / 8), value);
    else {
      fields.set(Math.floor(tag / 8), message.subarray(at, at + value));
      at += value;
    }
  }
  return fields;
}
