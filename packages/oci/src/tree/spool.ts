import { InclavareError } from "@inclavare/errors";
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BUFFER_BYTES = 1024 * 1024;

/** Opens a new file that has no name any more, so that nothing is left whatever happens. @throws ERR_FILE */
export async function openNameless(directory: string | undefined): Promise<FileHandle> {
  const path = join(directory ?? tmpdir(), `.inclavare-spool-${randomUUID()}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    const file = await open(path, flags, 0o600);
    await rm(path, { force: true });
    return file;
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `temporary file ${path} could not be made`, { cause });
  }
}

/** One temporary file that holds the contents of many, one after the other. */
export class Spool {
  private readonly file: FileHandle;
  private readonly buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  private buffered = 0;
  private flushed = 0;
  private closed = false;

  private constructor(file: FileHandle) {
    this.file = file;
  }

  static async create(directory: string | undefined): Promise<Spool> {
    return new Spool(await openNameless(directory));
  }

  get sizeBytes(): number {
    return this.flushed + this.buffered;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.buffered + chunk.byteLength > BUFFER_BYTES) await this.flush();
    if (chunk.byteLength > BUFFER_BYTES) {
      await this.write(chunk);
      return;
    }
    this.buffer.set(chunk, this.buffered);
    this.buffered += chunk.byteLength;
  }

  /** To be called after the last append, before the first read. */
  async flush(): Promise<void> {
    const part = this.buffer.subarray(0, this.buffered);
    this.buffered = 0;
    await this.write(part);
  }

  async read(offset: number, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.closed) throw new InclavareError("ERR_OCI_CLOSED", "the tree of files has been closed");
    const bytes = new Uint8Array(sizeBytes);
    for (let filled = 0; filled < sizeBytes;) {
      const { bytesRead } = await this.file.read(bytes, filled, sizeBytes - filled, offset + filled);
      if (bytesRead === 0) throw new InclavareError("ERR_INTERNAL", "the temporary file is shorter than it was");
      filled += bytesRead;
    }
    return bytes;
  }

  async *stream(offset: number, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let done = 0; done < sizeBytes;) {
      const part = await this.read(offset + done, Math.min(BUFFER_BYTES, sizeBytes - done));
      done += part.byteLength;
      yield part;
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.file.close();
  }

  private async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.byteLength;) {
        const { bytesWritten } = await this.file.write(bytes, done, bytes.byteLength - done, this.flushed + done);
        done += bytesWritten;
      }
    } catch (cause) {
      throw new InclavareError("ERR_FILE", "the contents of a layer could not be written to a temporary file", {
        cause,
      });
    }
    this.flushed += bytes.byteLength;
  }
}
