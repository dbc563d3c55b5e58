import { Errno } from "../errno.ts";

/** The bytes of a regular file. Offsets and sizes are in bytes. */
export interface FileContent {
  readonly sizeBytes: number;
  /** Copies what lies at `offset` and returns how much it was; 0 at and beyond the end. */
  read(offset: number, into: Uint8Array): number;
  /** Writes all of `bytes`; a gap before `offset` reads as zeros. @throws Errno NOSPC, ROFS */
  write(offset: number, bytes: Uint8Array): void;
  /** Cuts or extends with zeros. @throws Errno NOSPC, ROFS */
  truncate(sizeBytes: number): void;
  /** Gives the memory back; called when neither a name nor a descriptor leads to the file. */
  release(): void;
}

/** The bound on what a guest's writable files may hold together. */
export class Quota {
  #usedBytes = 0;
  readonly #limitBytes: () => number;

  /** @param limitBytes asked at each growth, because the guest's own memory counts against the same bound. */
  constructor(limitBytes: () => number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** @throws Errno NOSPC when growing past the bound; giving back always succeeds. */
  take(bytes: number): void {
    if (bytes > 0 && this.#usedBytes + bytes > this.#limitBytes()) throw new Errno("NOSPC");
    this.#usedBytes += bytes;
  }
}

/** A file of the measured image, or one put in from outside: a view of bytes that nobody changes. */
export function staticContent(bytes: Uint8Array): FileContent {
  return {
    sizeBytes: bytes.length,
    read(offset, into) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    write() {
      throw new Errno("ROFS");
    },
    truncate() {
      throw new Errno("ROFS");
    },
    release() {
      // The bytes are shared; they end with the image.
    },
  };
}

const SMALLEST_CAPACITY = 256;

/** A file in a memory mount. Its capacity doubles as it grows, and all of it counts against the quota. */
export class MemoryContent implements FileContent {
  #bytes = new Uint8Array(0);
  #sizeBytes = 0;
  readonly #quota: Quota;

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(offset: number, into: Uint8Array): number {
    if (offset >= this.#sizeBytes) return 0;
    const part = this.#bytes.subarray(offset, Math.min(this.#sizeBytes, offset + into.length));
    into.set(part);
    return part.length;
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    this.#reserve(end);
    this.#bytes.set(bytes, offset);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes > this.#sizeBytes) this.#reserve(sizeBytes);
    else this.#shrink(sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  release(): void {
    this.#resize(0);
    this.#sizeBytes = 0;
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) return;
    const generous = Math.max(sizeBytes, this.#bytes.length * 2, SMALLEST_CAPACITY);
    try {
      this.#resize(generous);
    } catch (error) {
      if (!(error instanceof Errno) || generous === sizeBytes) throw error;
      this.#resize(sizeBytes);
    }
  }

  #shrink(sizeBytes: number): void {
    // What is cut off must read as zeros if the file grows again.
    this.#bytes.fill(0, sizeBytes, this.#sizeBytes);
    if (sizeBytes * 4 < this.#bytes.length) this.#resize(sizeBytes);
  }

  #resize(capacity: number): void {
    const change = capacity - this.#bytes.length;
    this.#quota.take(change);
    const resized = allocate(capacity);
    if (resized === undefined) {
      this.#quota.take(-change);
      throw new Errno("NOSPC");
    }
    resized.set(this.#bytes.subarray(0, Math.min(capacity, this.#sizeBytes)));
    this.#bytes = resized;
  }
}

function allocate(sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    return new Uint8Array(sizeBytes);
  } catch {
    return undefined;
  }
}
