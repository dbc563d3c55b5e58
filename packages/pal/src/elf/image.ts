import { InclavareError } from "@inclavare/errors";

/** A part of the file that is mapped into memory: a PT_LOAD program header. */
export interface Segment {
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
}

const LONGEST_STRING = 4096;

/**
 * The bytes of an ELF file, read with every bound checked. Integers are little-endian.
 *
 * Every method throws ERR_PAL_NOT_LIBRARY where the file does not have what is asked of it.
 */
export class ElfImage {
  readonly what: string;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #segments: readonly Segment[] = [];

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  damaged(reason: string): InclavareError {
    return new InclavareError("ERR_PAL_NOT_LIBRARY", `${this.what} is no library that can be read: ${reason}`);
  }

  u8(offset: number): number {
    this.#expect(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#expect(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#expect(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): bigint {
    this.#expect(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }

  /** A 64-bit number that has to be a place or a length in this file. */
  size(offset: number, name: string): number {
    const value = this.u64(offset);
    if (value > BigInt(this.#bytes.length)) {
      throw this.damaged(`${name} is ${value}, the file has ${this.#bytes.length} bytes`);
    }
    return Number(value);
  }

  /** Where an address of the loaded library lies in the file, by the segments given to {@link map}. */
  offsetOf(address: bigint, name: string): number {
    for (const segment of this.#segments) {
      const distance = address - segment.address;
      if (distance >= 0n && distance < BigInt(segment.fileBytes)) return segment.offset + Number(distance);
    }
    throw this.damaged(`${name} is at address 0x${address.toString(16)}, which no segment of the file holds`);
  }

  map(segments: readonly Segment[]): void {
    this.#segments = segments;
  }

  /** The NUL-terminated string at `start + index`, which ends before `end`. Bytes that are no UTF-8 are replaced. */
  string(start: number, index: number, end: number): string {
    const from = start + index;
    const limit = Math.min(end, from + LONGEST_STRING, this.#bytes.length);
    const to = this.#bytes.subarray(0, limit).indexOf(0, from);
    if (from >= limit || to === -1) throw this.damaged(`its string ${index} does not end where strings do`);
    return Buffer.from(this.#bytes.subarray(from, to)).toString("utf8");
  }

  #expect(offset: number, length: number): void {
    if (offset >= 0 && offset + length <= this.#bytes.length) return;
    throw this.damaged(`expected ${length} bytes at offset ${offset}, the file has ${this.#bytes.length}`);
  }
}
