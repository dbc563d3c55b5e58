import { InclavareError } from "@inclavare/errors";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { TarReader } from "../tar/read.ts";
import { FileSource } from "../tar/source.ts";
import { openNameless } from "../tree/spool.ts";
import { decompress } from "./decompress.ts";
import { Budget } from "./limits.ts";
import { sniffCompression } from "./media-types.ts";
import type { OpenImageOptions } from "./types.ts";

const CHUNK_BYTES = 1024 * 1024;
const MAX_LINKS = 8;

/** The files that an image consists of, in a directory or an archive. Names are relative, with slashes. */
export interface ImageFiles {
  /** @returns undefined when there is no such file. */
  sizeOf(name: string): Promise<number | undefined>;
  /** @throws ERR_OCI_BLOB_MISSING (from the iteration) */
  read(name: string): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Files below a directory. Names must be ones that were made here, not ones that an image states. */
export class DirectoryFiles implements ImageFiles {
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  async sizeOf(name: string): Promise<number | undefined> {
    const file = await this.open(name);
    try {
      return file === undefined ? undefined : (await file.stat()).size;
    } finally {
      await file?.close();
    }
  }

  async *read(name: string): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await this.open(name);
    if (file === undefined) throw missing(name);
    try {
      yield* readRange(file, 0, (await file.stat()).size);
    } finally {
      await file.close();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async open(name: string): Promise<FileHandle | undefined> {
    let file: FileHandle | undefined;
    try {
      // Non-blocking, so that a pipe in a blob's place cannot make the reader wait.
      file = await open(join(this.directory, name), constants.O_RDONLY | constants.O_NONBLOCK);
      if ((await file.stat()).isFile()) return file;
      await file.close();
      return undefined;
    } catch (cause) {
      await file?.close();
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
      throw new InclavareError("ERR_FILE", `${join(this.directory, name)} could not be read`, { cause });
    }
  }
}

interface Extent {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Files within a tar archive, which is indexed once and then read in place. */
export class ArchiveFiles implements ImageFiles {
  private readonly file: FileHandle;
  private readonly files: ReadonlyMap<string, Extent>;
  private readonly links: ReadonlyMap<string, string>;

  private constructor(file: FileHandle, files: ReadonlyMap<string, Extent>, links: ReadonlyMap<string, string>) {
    this.file = file;
    this.files = files;
    this.links = links;
  }

  /** @param file is closed by `close`, or here when this fails. */
  static async create(file: FileHandle, what: string, options: OpenImageOptions): Promise<ArchiveFiles> {
    let archive = file;
    try {
      archive = await unpacked(file, what, options);
      return await ArchiveFiles.index(archive, what, new Budget(options.limits));
    } catch (thrown) {
      await archive.close();
      throw thrown;
    } finally {
      if (archive !== file) await file.close();
    }
  }

  private static async index(file: FileHandle, what: string, budget: Budget): Promise<ArchiveFiles> {
    const files = new Map<string, Extent>();
    const links = new Map<string, string>();
    const reader = new TarReader(new FileSource(file, (await file.stat()).size), what);
    for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
      budget.take("entries", 1, what);
      budget.take("metadataBytes", member.name.length + member.linkName.length, what);
      const name = resolveName("", member.name);
      if (name === undefined || files.has(name) || links.has(name)) {
        // Two tools may take another of two files, so there must be only one.
        if (member.type === "directory") continue;
        throw new InclavareError(
          "ERR_OCI_IMAGE",
          `${what}: the archive has ${JSON.stringify(member.name)} twice, or outside`,
        );
      }
      const target = member.type === "hardlink" ? resolveName("", member.linkName) : resolveName(name, member.linkName);
      if (member.type === "file") files.set(name, { offset: member.dataOffset, sizeBytes: member.sizeBytes });
      else if ((member.type === "symlink" || member.type === "hardlink") && target !== undefined)
        links.set(name, target);
    }
    return new ArchiveFiles(file, files, links);
  }

  sizeOf(name: string): Promise<number | undefined> {
    return Promise.resolve(this.find(name)?.sizeBytes);
  }

  async *read(name: string): AsyncGenerator<Uint8Array, void, undefined> {
    const found = this.find(name);
    if (found === undefined) throw missing(name);
    yield* readRange(this.file, found.offset, found.sizeBytes);
  }

  close(): Promise<void> {
    return this.file.close();
  }

  /** Old `docker save` writes a layer that occurs twice as a symbolic link to the first. */
  private find(name: string): Extent | undefined {
    let current: string | undefined = resolveName("", name);
    for (let hops = 0; current !== undefined && hops <= MAX_LINKS; hops += 1) {
      const found = this.files.get(current);
      if (found !== undefined) return found;
      current = this.links.get(current);
    }
    return undefined;
  }
}

/** A name as seen from the directory of `from`; undefined when it leads out of the archive. */
function resolveName(from: string, name: string): string | undefined {
  if (name.startsWith("/")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

async function unpacked(
  file: FileHandle,
  what: string,
  { limits, spoolDirectory }: OpenImageOptions,
): Promise<FileHandle> {
  const start = Buffer.alloc(4);
  await file.read(start, 0, 4, 0);
  if (sniffCompression(start) === "none") return file;
  const target = await openNameless(spoolDirectory);
  try {
    const source = Readable.from(readRange(file, 0, (await file.stat()).size), { objectMode: false });
    for await (const chunk of decompress(source, new Budget(limits), what)) await target.appendFile(chunk);
    return target;
  } catch (thrown) {
    await target.close();
    throw thrown;
  }
}

async function* readRange(
  file: FileHandle,
  offset: number,
  sizeBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let done = 0; done < sizeBytes;) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes - done));
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, offset + done);
    // A file that became shorter meanwhile: whoever reads it checks digest and size.
    if (bytesRead === 0) return;
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function missing(name: string): InclavareError {
  return new InclavareError("ERR_OCI_BLOB_MISSING", `${name} is not in the image`, { details: { name } });
}
