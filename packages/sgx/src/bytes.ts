/** Small helpers for structures of a fixed size. */
import { InclavareError, isInclavareError } from "@inclavare/errors";

/** @throws ERR_SGX_SIZE */
export function expectSize(bytes: Uint8Array, sizeBytes: number, what: string): Buffer {
  if (bytes.length !== sizeBytes) {
    throw new InclavareError("ERR_SGX_SIZE", `${what} has ${bytes.length} bytes, expected ${sizeBytes}`);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A copy, so that a decoded structure does not change with its input. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(start, end));
}

/** Writes a field of a fixed size. @throws ERR_SGX_SIZE */
export function putBytes(target: Buffer, offset: number, bytes: Uint8Array, sizeBytes: number, what: string): void {
  expectSize(bytes, sizeBytes, what).copy(target, offset);
}

/**
 * A structure of a fixed size, zero where nothing is written.
 * @throws ERR_SGX_SIZE, ERR_SGX_RANGE for a number that does not fit its field.
 */
export function encodeFixed(sizeBytes: number, what: string, fill: (out: Buffer) => void): Uint8Array<ArrayBuffer> {
  const out = Buffer.alloc(sizeBytes);
  try {
    fill(out);
  } catch (cause) {
    if (isInclavareError(cause)) throw cause;
    throw new InclavareError("ERR_SGX_RANGE", `${what}: a number does not fit its field`, { cause });
  }
  return Uint8Array.from(out);
}

/** @throws ERR_SGX_RESERVED unless all these bytes are zero. */
export function expectZeros(bytes: Buffer, ranges: readonly (readonly [number, number])[], what: string): void {
  for (const [start, end] of ranges) {
    if (bytes.subarray(start, end).some((byte) => byte !== 0))
      throw new InclavareError("ERR_SGX_RESERVED", `${what}: the reserved bytes ${start} to ${end - 1} are not zero`);
  }
}

/** The unsigned integer that little-endian bytes stand for. */
export function bigFromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex") || "0"}`);
}

/** Little-endian bytes of an unsigned integer that fits. */
export function littleEndian(value: bigint, sizeBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * sizeBytes, "0"), "hex").reverse());
}
