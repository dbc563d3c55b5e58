/** The wire format of protocol buffers: varints, fixed-size numbers, length-delimited bytes. */
import { STATUS, TtrpcError } from "../status.ts";

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export type WireType = (typeof WIRE)[keyof typeof WIRE];

const MAX_FIELD = (1 << 29) - 1;
const UINT64 = 64;

/** Appends to a buffer that grows; {@link finish} gives what was written. */
export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  tag(field: number, wire: WireType): void {
    this.varint(BigInt(field * 8 + wire));
  }

  /** @param value any 64-bit value; a negative one is written as its two's complement, ten bytes. */
  varint(value: bigint): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(UINT64, value);
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.raw(Uint8Array.from(bytes));
  }

  double(value: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.raw(bytes);
  }

  bytes(value: Uint8Array): void {
    this.varint(BigInt(value.length));
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#chunks.push(value);
    this.#size += value.length;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }
}

/** Reads forward. Whatever is cut off or out of range is a {@link TtrpcError} INVALID_ARGUMENT. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @returns the field's number and wire type. */
  tag(): { readonly field: number; readonly wire: number } {
    const value = this.varint();
    const field = Number(value >> 3n);
    if (field < 1 || field > MAX_FIELD) throw malformed(`field number ${field}`);
    return { field, wire: Number(value & 7n) };
  }

  /** @returns an unsigned 64-bit value. */
  varint(): bigint {
    let value = 0;
    // Up to 28 bits without BigInt: nearly all varints are short.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(value);
    }
    let large = BigInt(value);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      large |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(UINT64, large);
    }
    throw malformed("a varint of more than ten bytes");
  }

  double(): number {
    const bytes = this.raw(8);
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
  }

  /** @returns a view of the length-delimited bytes. */
  bytes(): Uint8Array {
    const length = this.varint();
    if (length > BigInt(this.#bytes.length - this.#at)) throw malformed("a length beyond the end");
    return this.raw(Number(length));
  }

  raw(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw malformed("a value beyond the end");
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  /** Passes over the value of a field that is not known. */
  skip(wire: number): void {
    switch (wire) {
      case WIRE.varint:
        this.varint();
        return;
      case WIRE.fixed64:
        this.raw(8);
        return;
      case WIRE.bytes:
        this.bytes();
        return;
      case WIRE.fixed32:
        this.raw(4);
        return;
      default:
        throw malformed(`wire type ${wire}`);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed("a varint beyond the end");
    this.#at += 1;
    return byte;
  }
}

export function malformed(what: string): TtrpcError {
  return new TtrpcError(STATUS.invalidArgument, `malformed protobuf message: ${what}`);
}
