/** The few things that are done with configfs-tsm's files. */
import { constants } from "node:fs";
import { mkdir, open, readdir, rmdir } from "node:fs/promises";

/** Reads and writes of single attributes; a parameter, so that a double can stand in for the kernel. */
export interface TsmFiles {
  mkdir(path: string): Promise<void>;
  /** In one write: the kernel takes each write as a whole. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** To the end, whatever the size that the file shows, which is 0. Fails with EFBIG beyond the limit. */
  read(path: string, mostBytes: number): Promise<Uint8Array>;
  rmdir(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
}

const CHUNK_BYTES = 64 * 1024;

export const kernelFiles: TsmFiles = {
  mkdir: async (path) => {
    await mkdir(path);
  },
  rmdir: async (path) => {
    await rmdir(path);
  },
  list: async (path) => await readdir(path),
  async write(path, bytes) {
    // Nothing but writing: the kernel refuses to open for reading what can only be written. It takes the bytes on close.
    await using file = await open(path, constants.O_WRONLY);
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten !== bytes.length) throw errnoError("EIO", `${bytesWritten} of ${bytes.length} bytes were taken`);
  },
  async read(path, mostBytes) {
    await using file = await open(path, "r");
    const chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, size);
      if (bytesRead === 0) return Buffer.concat(chunks, size);
      size += bytesRead;
      if (size > mostBytes) throw errnoError("EFBIG", `more than ${mostBytes} bytes`);
      chunks.push(buffer.subarray(0, bytesRead));
    }
  },
};

/** A failure as Node's own calls report theirs. */
export function errnoError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
