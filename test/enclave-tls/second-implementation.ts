/**
 * Enclave-TLS written a second time, from docs/enclave-tls.md alone: nothing of the package is used here, nor its CBOR. It
 * keeps to what the document says and is as small as that allows; it judges no evidence.
 */
import { createHash, timingSafeEqual, type X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** Section 3. */
export const FRAME = { challenge: 1, evidence: 2, accept: 3, refuse: 4, data: 5, end: 6 } as const;
const LABEL = "EXPORTER-inclavare-etls-1";

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** `type (u8) | length (u32) | body`. */
export class Frames {
  readonly #tls: TLSSocket;
  #buffered = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => {};

  constructor(tls: TLSSocket) {
    this.#tls = tls;
    tls.on("data", (chunk: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk]);
      this.#wake();
    });
    for (const event of ["end", "close", "error"]) {
      tls.on(event, () => {
        this.#isOver = true;
        this.#wake();
      });
    }
  }

  send(type: number, body: Uint8Array = Buffer.alloc(0)): void {
    const header = Buffer.alloc(5);
    header.writeUInt8(type);
    header.writeUInt32BE(body.length, 1);
    this.#tls.write(Buffer.concat([header, body]));
  }

  async receive(type: number): Promise<Buffer> {
    const header = await this.#take(5);
    const body = await this.#take(header.readUInt32BE(1));
    if (header[0] !== type) throw new Error(`frame ${header[0]}, expected ${type}: ${body.toString()}`);
    return body;
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) {
      if (this.#isOver) throw new Error("the stream was cut");
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    const taken = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return taken;
  }
}

/** The part of CBOR (RFC 8949) that the document uses: unsigned integers, byte and text strings, arrays, maps, tags. */
export type Item = number | string | Buffer | readonly Item[] | ReadonlyMap<Item, Item> | Tag;
export interface Tag {
  readonly tag: number;
  readonly item: Item;
}

export function readCbor(bytes: Buffer): Item {
  const [item, end] = readItem(bytes, 0);
  if (end !== bytes.length) throw new Error("bytes follow");
  return item;
}

function readItem(bytes: Buffer, at: number): [Item, number] {
  const initial = bytes.readUInt8(at);
  const size = initial & 31;
  const width = { 24: 1, 25: 2, 26: 4 }[size] ?? 0;
  if (size > 26) throw new Error("a length that is not used here");
  const value = width === 0 ? size : bytes.readUIntBE(at + 1, width);
  const start = at + 1 + width;
  const list = (count: number): [Item[], number] => {
    const items: Item[] = [];
    let end = start;
    for (let index = 0; index < count; index++) {
      const [item, next] = readItem(bytes, end);
      items.push(item);
      end = next;
    }
    return [items, end];
  };
  switch (initial >> 5) {
    case 0:
      return [value, start];
    case 2:
      return [bytes.subarray(start, start + value), start + value];
    case 3:
      return [bytes.toString("utf8", start, start + value), start + value];
    case 4:
      return list(value);
    case 5: {
      const [items, end] = list(2 * value);
      return [new Map(items.flatMap((key, index) => (index % 2 === 0 ? [[key, items[index + 1] ?? 0]] : []))), end];
    }
    case 6: {
      const [item, end] = readItem(bytes, start);
      return [{ tag: value, item }, end];
    }
    default:
      throw new Error("a type that is not used here");
  }
}

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  const width = value < 256 ? 1 : value < 65_536 ? 2 : 4;
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = (major << 5) | (23 + { 1: 1, 2: 2, 4: 3 }[width]);
  bytes.writeUIntBE(value, 1, width);
  return bytes;
}

const bstr = (bytes: Uint8Array): Buffer => Buffer.concat([head(2, bytes.length), bytes]);
const tstr = (text: string): Buffer => Buffer.concat([head(3, Buffer.byteLength(text)), Buffer.from(text)]);

/** Deterministic: keys in the order of their bytes. */
function claimsMap(claims: Readonly<Record<string, Uint8Array>>): Buffer {
  const entries = Object.entries(claims).map(([name, value]) => [tstr(name), bstr(value)] as const);
  entries.sort(([a], [b]) => Buffer.compare(a, b));
  return Buffer.concat([head(5, entries.length), ...entries.flat()]);
}

/** One end of a connection after its handshake. */
export interface Connection {
  readonly tls: TLSSocket;
  readonly role: "client" | "server";
  /** DER. */
  readonly ownLeaf: Uint8Array;
  readonly ownSpki: Uint8Array;
  readonly peer: X509Certificate;
}

/** To be asked as soon as the handshake is done: OpenSSL forgets it with the session that a ticket replaces. */
export function peerOf(tls: TLSSocket): X509Certificate {
  return tls.getPeerX509Certificate() ?? fail("the peer showed no certificate");
}

function fail(message: string): never {
  throw new Error(message);
}

/** Section 4: what the end of the given role proves to the other one. */
function sessionClaims(
  { tls, role, ownLeaf, ownSpki, peer }: Connection,
  prover: "client" | "server",
  nonce: Uint8Array,
) {
  const peerSpki = peer.publicKey.export({ type: "spki", format: "der" });
  const own = { leaf: sha256(ownLeaf), spki: ownSpki };
  const other = { leaf: sha256(peer.raw), spki: peerSpki };
  const [proving, judging] = prover === role ? [own, other] : [other, own];
  return {
    "pubkey-hash": Buffer.concat([head(4, 2), head(0, 1), bstr(sha256(proving.spki))]),
    purpose: Buffer.from("session"),
    role: Buffer.from(prover),
    nonce,
    exporter: tls.exportKeyingMaterial(32, LABEL, Buffer.alloc(0)),
    "own-leaf": proving.leaf,
    "peer-leaf": judging.leaf,
  };
}

/** This end's evidence message. @param quote makes a quote that carries 64 bytes of report data. */
export async function prove(
  connection: Connection,
  nonce: Uint8Array,
  quote: (reportData: Uint8Array) => Promise<Uint8Array>,
): Promise<Buffer> {
  const claims = claimsMap(sessionClaims(connection, connection.role, nonce));
  const evidence = await quote(Buffer.concat([sha256(claims), Buffer.alloc(32)]));
  return Buffer.concat([head(6, 60_000), head(4, 2), bstr(evidence), bstr(claims)]);
}

/** The quote in the peer's evidence message, once everything beside it has been found right. */
export function checkProof(connection: Connection, nonce: Uint8Array, message: Buffer): Buffer {
  const outer = readCbor(message);
  const tagged = outer instanceof Map ? (outer.get("evidence") as Tag) : (outer as Tag);
  const [quote, claimsBytes] = tagged.item as readonly Buffer[];
  if (tagged.tag !== 60_000 || quote === undefined || claimsBytes === undefined) throw new Error("no evidence message");
  const claims = readCbor(claimsBytes) as ReadonlyMap<string, Buffer>;
  const expected = sessionClaims(connection, connection.role === "client" ? "server" : "client", nonce);
  for (const [name, value] of Object.entries(expected)) {
    const actual = claims.get(name);
    if (actual === undefined || actual.length !== value.length || !timingSafeEqual(actual, value)) {
      throw new Error(`claim ${name} is not that of this connection`);
    }
  }
  // Of an SGX quote of version 3: header of 48 bytes, report of 384, whose last 64 are the report data.
  const reportData = quote.subarray(48 + 320, 48 + 384);
  if (!reportData.equals(Buffer.concat([sha256(claimsBytes), Buffer.alloc(32)]))) throw new Error("quote is not bound");
  return quote;
}
