import { Errno } from "../errno.ts";

/** A part of guest memory that a guest named for reading into or writing from. */
export type Buffers = readonly Uint8Array[];

/** As Linux's IOV_MAX. */
const MAX_VECTORS = 1024;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The linear memory of a guest, little-endian, every access checked. Pointers and lengths are unsigned 32-bit; as
 * function arguments they arrive signed.
 *
 * Every method throws Errno FAULT for what lies outside.
 */
export class GuestMemory {
  #memory: WebAssembly.Memory | undefined;
  #view: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(0));

  /** Called once the instance exists; host functions cannot run before. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  /** Bytes that the guest's memory holds now. */
  get sizeBytes(): number {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** The memory as it is now, with `sizeBytes` at `pointer` inside it. */
  #holding(pointer: number, sizeBytes: number): DataView<ArrayBuffer> {
    // `memory.grow` puts another buffer in the place of this one and empties the old.
    const buffer = this.#memory?.buffer;
    if (buffer !== undefined && this.#view.buffer !== buffer) this.#view = new DataView(buffer);
    if ((pointer >>> 0) + sizeBytes > this.#view.byteLength) throw new Errno("FAULT");
    return this.#view;
  }

  readU8(pointer: number): number {
    return this.#holding(pointer, 1).getUint8(pointer >>> 0);
  }

  readU16(pointer: number): number {
    return this.#holding(pointer, 2).getUint16(pointer >>> 0, true);
  }

  readU32(pointer: number): number {
    return this.#holding(pointer, 4).getUint32(pointer >>> 0, true);
  }

  readU64(pointer: number): bigint {
    return this.#holding(pointer, 8).getBigUint64(pointer >>> 0, true);
  }

  writeU8(pointer: number, value: number): void {
    this.#holding(pointer, 1).setUint8(pointer >>> 0, value);
  }

  writeU16(pointer: number, value: number): void {
    this.#holding(pointer, 2).setUint16(pointer >>> 0, value, true);
  }

  writeU32(pointer: number, value: number): void {
    this.#holding(pointer, 4).setUint32(pointer >>> 0, value, true);
  }

  writeU64(pointer: number, value: bigint): void {
    this.#holding(pointer, 8).setBigUint64(pointer >>> 0, BigInt.asUintN(64, value), true);
  }

  /** A view, good until the guest runs again. */
  bytes(pointer: number, sizeBytes: number): Uint8Array<ArrayBuffer> {
    const { buffer } = this.#holding(pointer, sizeBytes >>> 0);
    return new Uint8Array(buffer, pointer >>> 0, sizeBytes >>> 0);
  }

  zero(pointer: number, sizeBytes: number): void {
    this.bytes(pointer, sizeBytes).fill(0);
  }

  /** A path or name. @throws Errno ILSEQ (not UTF-8), INVAL (a NUL byte inside) */
  text(pointer: number, sizeBytes: number): string {
    const text = decodeUtf8(this.bytes(pointer, sizeBytes));
    if (text.includes("\0")) throw new Errno("INVAL");
    return text;
  }

  /** The buffers of an iovec or ciovec array. @throws Errno INVAL for more than 1024 of them */
  buffers(pointer: number, count: number): Buffers {
    const length = count >>> 0;
    if (length > MAX_VECTORS) throw new Errno("INVAL");
    return Array.from({ length }, (_, index) => {
      const vector = (pointer >>> 0) + index * 8;
      return this.bytes(this.readU32(vector), this.readU32(vector + 4));
    });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Errno("ILSEQ");
  }
}

/** A file offset or size that the guest gave as u64. @throws Errno INVAL beyond what a number holds exactly */
export function toOffset(value: bigint): number {
  const unsigned = BigInt.asUintN(64, value);
  if (unsigned > BigInt(Number.MAX_SAFE_INTEGER)) throw new Errno("INVAL");
  return Number(unsigned);
}
