/** MRENCLAVE: SHA-256 over the records of ECREATE, EADD and EEXTEND (Intel SDM volume 3D, section on MRENCLAVE). */
import { createHash, type Hash } from "node:crypto";
import { InclavareError } from "@inclavare/errors";

export const PAGE_SIZE = 4096;
const CHUNK_BYTES = 256;
const RECORD_BYTES = 64;
const CHUNKS_IN_PAGE = PAGE_SIZE / CHUNK_BYTES;
const LEAST_ENCLAVE_BYTES = 0x2000n;

/** SECINFO.FLAGS: page type in bits 15:8, permissions in bits 2:0. */
export const PAGE_FLAGS = { tcs: 0x100, r: 0x201, rw: 0x203, rx: 0x205, rwx: 0x207 } as const;

const ECREATE = Buffer.from("ECREATE\0", "latin1");
const EADD = Buffer.from("EADD\0\0\0\0", "latin1");
const EEXTEND = Buffer.from("EEXTEND\0", "latin1");

export interface EnclaveGeometry {
  /** A power of two, at least 0x2000. */
  readonly sizeBytes: bigint | number;
  /** Pages of one SSA frame. */
  readonly ssaFrameSize: number;
}

/** An enclave that is being built. It can be copied at any point, so that what enclaves have in common is hashed once. */
export class Measurement {
  readonly sizeBytes: bigint;
  readonly #hash: Hash;

  private constructor(sizeBytes: bigint, hash: Hash) {
    this.sizeBytes = sizeBytes;
    this.#hash = hash;
  }

  /** ECREATE. @throws ERR_SGX_LAYOUT for a size that hardware refuses. */
  static create({ sizeBytes, ssaFrameSize }: EnclaveGeometry): Measurement {
    const size = toBigInt(sizeBytes, "the enclave's size");
    if (!Number.isInteger(ssaFrameSize) || ssaFrameSize < 1 || ssaFrameSize > 0xffff_ffff)
      throw new InclavareError("ERR_SGX_LAYOUT", `an SSA frame has ${ssaFrameSize} pages, expected 1 or more`);
    if (size < LEAST_ENCLAVE_BYTES || (size & (size - 1n)) !== 0n || size >= 1n << 63n) {
      throw new InclavareError(
        "ERR_SGX_LAYOUT",
        `the enclave's size is ${size} bytes, expected a power of two from ${LEAST_ENCLAVE_BYTES} on`,
      );
    }
    const record = Buffer.alloc(RECORD_BYTES);
    ECREATE.copy(record);
    record.writeUInt32LE(ssaFrameSize, 8);
    record.writeBigUInt64LE(size, 12);
    return new Measurement(size, createHash("sha256").update(record));
  }

  /**
   * EADD, then EEXTEND for each of the 16 chunks.
   * @param offset from the enclave's base, a multiple of 4096 below its size.
   * @param content 4096 bytes; left out: zeros.
   * @param options `measured: false` leaves the contents out: only address and permissions are measured.
   * @throws ERR_SGX_SIZE, ERR_SGX_LAYOUT
   */
  addPage(
    offset: number | bigint,
    flags: number,
    content?: Uint8Array,
    options: { readonly measured?: boolean } = {},
  ): void {
    const measured = options.measured !== false;
    if (content !== undefined && content.length !== PAGE_SIZE) {
      throw new InclavareError("ERR_SGX_SIZE", `a page has ${content.length} bytes, expected ${PAGE_SIZE}`);
    }
    this.#update(
      toBigInt(offset, "a page's offset"),
      flags,
      content === undefined ? Buffer.alloc(PAGE_SIZE) : content,
      measured,
    );
  }

  /** Adds as many pages as the bytes need, the last one padded with zeros. @returns the offset behind them. */
  addRegion(offset: number, flags: number, bytes: Uint8Array): number {
    let at = offset;
    for (let start = 0; start < bytes.length; start += PAGE_SIZE, at += PAGE_SIZE) {
      const page = bytes.subarray(start, start + PAGE_SIZE);
      const whole = page.length === PAGE_SIZE ? page : Buffer.concat([page], PAGE_SIZE);
      this.#update(toBigInt(at, "a page's offset"), flags, whole, true);
    }
    return at;
  }

  /** An independent copy of the state so far. */
  copy(): Measurement {
    return new Measurement(this.sizeBytes, this.#hash.copy());
  }

  /** MRENCLAVE as EINIT would finish it; building can go on. */
  digest(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#hash.copy().digest());
  }

  /** All records of one page in one buffer: hashing in large pieces is what makes 100 MB take a tenth of a second. */
  #update(offset: bigint, flags: number, content: Uint8Array, measured: boolean): void {
    if (offset % BigInt(PAGE_SIZE) !== 0n || offset < 0n || offset >= this.sizeBytes) {
      throw new InclavareError(
        "ERR_SGX_LAYOUT",
        `a page at offset ${offset} does not lie in an enclave of ${this.sizeBytes} bytes`,
      );
    }
    if (!isPageKind(flags)) {
      throw new InclavareError(
        "ERR_SGX_LAYOUT",
        `a page has SECINFO flags 0x${flags.toString(16)}, expected TCS, or REG with permissions that hardware has`,
      );
    }
    const records = Buffer.alloc(RECORD_BYTES + (measured ? CHUNKS_IN_PAGE * (RECORD_BYTES + CHUNK_BYTES) : 0));
    EADD.copy(records);
    records.writeBigUInt64LE(offset, 8);
    records.writeBigUInt64LE(BigInt(flags), 16);
    for (let chunk = 0; measured && chunk < CHUNKS_IN_PAGE; chunk++) {
      const at = RECORD_BYTES + chunk * (RECORD_BYTES + CHUNK_BYTES);
      EEXTEND.copy(records, at);
      records.writeBigUInt64LE(offset + BigInt(chunk * CHUNK_BYTES), at + 8);
      records.set(content.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES), at + RECORD_BYTES);
    }
    this.#hash.update(records);
  }
}

/** EADD's kinds: a TCS without permissions of its own, or an ordinary page, which is not writable unless readable. */
function isPageKind(flags: number): boolean {
  return flags === PAGE_FLAGS.tcs || ((flags & ~0b111) === 0x200 && (flags & 0b011) !== 0b010);
}

function toBigInt(value: bigint | number, what: string): bigint {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return BigInt(value);
  throw new InclavareError("ERR_SGX_LAYOUT", `${what} is ${value}, expected a whole number`);
}
