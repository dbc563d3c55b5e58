import type { FileHandle } from "node:fs/promises";

/** Bytes that are read from front to back. */
export interface ByteSource {
  /** How many bytes were read or skipped so far. */
  readonly position: number;
  /** As many bytes as asked for, fewer only where the source ends. */
  read(sizeBytes: number): Promise<Uint8Array>;
  /** At least one byte and at most `maxBytes`, none only at the end. */
  readSome(maxBytes: number): Promise<Uint8Array>;
  /** @returns false when the source ends before. */
  skip(sizeBytes: number): Promise<boolean>;
}

/** Reads to the end, for what happens there. */
export async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

const EMPTY = new Uint8Array(0);

/** Reads a stream. The stream is not closed here. */
export class StreamSource implements ByteSource {
  position = 0;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = EMPTY;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  async read(sizeBytes: number): Promise<Uint8Array> {
    const first = await this.readSome(sizeBytes);
    if (first.byteLength === sizeBytes || first.byteLength === 0) return first;
    const parts = [first];
    for (let missing = sizeBytes - first.byteLength; missing > 0;) {
      const part = await this.readSome(missing);
      if (part.byteLength === 0) break;
      parts.push(part);
      missing -= part.byteLength;
    }
    return Buffer.concat(parts);
  }

  async readSome(maxBytes: number): Promise<Uint8Array> {
    while (this.rest.byteLength === 0) {
      const { value, done } = await this.chunks.next();
      if (done === true) return EMPTY;
      this.rest = value;
    }
    const part = this.rest.subarray(0, maxBytes);
    this.rest = this.rest.subarray(part.byteLength);
    this.position += part.byteLength;
    return part;
  }

  async skip(sizeBytes: number): Promise<boolean> {
    for (let missing = sizeBytes; missing > 0;) {
      const part = await this.readSome(missing);
      if (part.byteLength === 0) return false;
      missing -= part.byteLength;
    }
    return true;
  }
}

/** Reads an open file; skipping costs nothing. */
export class FileSource implements ByteSource {
  position = 0;
  private readonly file: FileHandle;
  private readonly sizeBytes: number;

  constructor(file: FileHandle, sizeBytes: number) {
    this.file = file;
    this.sizeBytes = sizeBytes;
  }

  async read(sizeBytes: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(Math.max(0, Math.min(sizeBytes, this.sizeBytes - this.position)));
    let filled = 0;
    while (filled < buffer.byteLength) {
      const { bytesRead } = await this.file.read(buffer, filled, buffer.byteLength - filled, this.position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.position += filled;
    return buffer.subarray(0, filled);
  }

  readSome(maxBytes: number): Promise<Uint8Array> {
    return this.read(Math.min(maxBytes, 1024 * 1024));
  }

  skip(sizeBytes: number): Promise<boolean> {
    const complete = this.position + sizeBytes <= this.sizeBytes;
    this.position = complete ? this.position + sizeBytes : this.sizeBytes;
    return Promise.resolve(complete);
  }
}
