import { InclavareError } from "@inclavare/errors";
import type { EntryType } from "../tree/types.ts";
import { BLOCK_BYTES, decodeHeader, type RawHeader } from "./header.ts";
import { decodePax, type PaxRecords } from "./pax.ts";
import type { ByteSource } from "./source.ts";

/** An entry of an archive, long names and pax records applied; names as they are written, not yet judged. */
export interface TarMember {
  readonly name: string;
  readonly type: EntryType | "hardlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly sizeBytes: number;
  readonly linkName: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Where the contents begin in the archive, in bytes. */
  readonly dataOffset: number;
}

/** An archive's long name or pax header may have this many bytes, as in Go's archive/tar. */
const META_LIMIT_BYTES = 1024 * 1024;
const XATTR_PREFIX = "SCHILY.xattr.";
/** What a global header may say without meaning anything for the files. */
const HARMLESS_GLOBAL = /^(?:comment|charset|hdrcharset|atime|ctime|VENDOR\..*)$/u;

interface Extension {
  pax?: PaxRecords;
  name?: Uint8Array;
  link?: Uint8Array;
}

/**
 * Reads a tar archive entry by entry: ustar, pax, GNU and the old V7 form.
 *
 * Own code and not tar-stream, because what this reads is measured: tar-stream decodes pax values as text (which breaks
 * binary attributes such as security.capability), drops malformed pax records in silence, reads on behind the archive's
 * end where containerd stops, and replaces the bytes of names that are no UTF-8, so that two files may become one.
 * Where readers differ, this one does as Go's archive/tar, which containerd and docker use, or refuses.
 */
export class TarReader {
  private readonly source: ByteSource;
  private readonly what: string;
  /** Bytes of the current entry that were not read yet, without and with padding. */
  private remaining = 0;
  private padding = 0;

  constructor(source: ByteSource, what: string) {
    this.source = source;
    this.what = what;
  }

  /**
   * Goes to the next entry; what was not read of the current one is skipped.
   * @returns undefined at the archive's end; bytes behind it are not read.
   * @throws ERR_OCI_LAYER, ERR_OCI_LAYER_UNSUPPORTED, ERR_OCI_LIMIT
   */
  async next(): Promise<TarMember | undefined> {
    await this.skipRest();
    const extension: Extension = {};
    for (;;) {
      const header = await this.header();
      if (header === undefined) {
        if (Object.keys(extension).length > 0) throw this.failure("ends after an extended header");
        return undefined;
      }
      if (await this.extends(header, extension)) continue;
      return this.member(header, extension);
    }
  }

  /** The contents of the current entry. */
  async *content(): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.remaining > 0) {
      const part = await this.source.readSome(this.remaining);
      if (part.byteLength === 0) throw this.failure(`ends ${this.remaining} bytes before the end of a file`);
      this.remaining -= part.byteLength;
      yield part;
    }
  }

  private async skipRest(): Promise<void> {
    if (!(await this.source.skip(this.remaining + this.padding))) throw this.failure("ends within a file");
    this.remaining = 0;
    this.padding = 0;
  }

  private async header(): Promise<RawHeader | undefined> {
    const block = await this.source.read(BLOCK_BYTES);
    // An archive without the two blocks of zeros at its end is accepted, as everywhere.
    if (block.byteLength === 0) return undefined;
    if (block.byteLength < BLOCK_BYTES) throw this.failure("ends within a header");
    const header = decodeHeader(block, this.what);
    if (header !== undefined) return header;
    const second = await this.source.read(BLOCK_BYTES);
    if (second.some((byte) => byte !== 0))
      throw this.failure("has only one block of zeros, followed by something else");
    return undefined;
  }

  /** Takes in a header that only says something about the next one. */
  private async extends(header: RawHeader, extension: Extension): Promise<boolean> {
    if (header.kind === "pax") {
      this.once(extension.pax);
      extension.pax = decodePax(await this.meta(header), this.what);
    } else if (header.kind === "pax-global") {
      this.checkGlobal(decodePax(await this.meta(header), this.what));
    } else if (header.kind === "gnu-name") {
      this.once(extension.name);
      extension.name = untilNul(await this.meta(header));
    } else if (header.kind === "gnu-link") {
      this.once(extension.link);
      extension.link = untilNul(await this.meta(header));
    } else {
      return false;
    }
    return true;
  }

  private once(earlier: unknown): void {
    if (earlier !== undefined) throw this.failure("has two extended headers of one kind for one entry");
  }

  /** Readers differ in whether a global header counts; so one that would change a file is refused. */
  private checkGlobal(records: PaxRecords): void {
    const telling = [...records.keys()].find((key) => !HARMLESS_GLOBAL.test(key));
    if (telling === undefined) return;
    throw new InclavareError("ERR_OCI_LAYER_UNSUPPORTED", `${this.what}: a global pax header sets ${telling}`);
  }

  private async meta(header: RawHeader): Promise<Uint8Array> {
    if (header.sizeBytes < 0 || header.sizeBytes > META_LIMIT_BYTES) {
      throw new InclavareError(
        "ERR_OCI_LIMIT",
        `${this.what}: an extended header has ${header.sizeBytes} bytes, at most ${META_LIMIT_BYTES} are read`,
      );
    }
    const bytes = await this.source.read(header.sizeBytes);
    if (bytes.byteLength < header.sizeBytes || !(await this.source.skip(paddingOf(header.sizeBytes)))) {
      throw this.failure("ends within an extended header");
    }
    return bytes;
  }

  private member(header: RawHeader, { pax = new Map(), name, link }: Extension): TarMember {
    const sparse = [...pax.keys()].find((key) => key.startsWith("GNU.sparse."));
    if (sparse !== undefined) {
      throw new InclavareError("ERR_OCI_LAYER_UNSUPPORTED", `${this.what}: a sparse file (${sparse}) is not supported`);
    }
    const type = header.kind as TarMember["type"];
    // Entries other than files have no contents, whatever size they state (Go: isHeaderOnly).
    const stated = this.paxNumber(pax, "size") ?? header.sizeBytes;
    const sizeBytes = type === "file" ? stated : 0;
    if (sizeBytes < 0) throw this.failure(`has a file of ${sizeBytes} bytes`);
    this.remaining = sizeBytes;
    this.padding = paddingOf(sizeBytes);
    const device = type === "character-device" || type === "block-device";
    return {
      name: this.text(this.either(name, paxValue(pax, "path")) ?? header.name),
      type,
      mode: header.mode,
      uid: this.id(this.paxNumber(pax, "uid") ?? header.uid),
      gid: this.id(this.paxNumber(pax, "gid") ?? header.gid),
      mtimeSeconds: this.paxNumber(pax, "mtime") ?? header.mtimeSeconds,
      sizeBytes,
      linkName: this.text(this.either(link, paxValue(pax, "linkpath")) ?? header.linkName),
      ...(device ? { device: { major: header.major, minor: header.minor } } : {}),
      xattrs: xattrsOf(pax),
      dataOffset: this.source.position,
    };
  }

  /** Go prefers GNU's long name and others the pax one, so both may only be there if they agree. */
  private either(gnu: Uint8Array | undefined, pax: Uint8Array | undefined): Uint8Array | undefined {
    if (gnu !== undefined && pax !== undefined && Buffer.compare(gnu, pax) !== 0) {
      throw this.failure("has an entry with two different long names");
    }
    return gnu ?? pax;
  }

  private text(bytes: Uint8Array): string {
    if (bytes.includes(0)) throw this.failure("has a name with a NUL");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      const shown = Buffer.from(bytes).toString("latin1");
      throw new InclavareError(
        "ERR_OCI_LAYER_UNSUPPORTED",
        `${this.what}: a name is not UTF-8: ${JSON.stringify(shown)}`,
        {
          cause,
        },
      );
    }
  }

  /** Whole numbers; times may have a fraction, which is cut off towards the past. */
  private paxNumber(pax: PaxRecords, key: string): number | undefined {
    const value = paxValue(pax, key);
    if (value === undefined) return undefined;
    const text = Buffer.from(value).toString("latin1");
    const number = (key === "mtime" ? /^-?\d+(?:\.\d*)?$/u : /^\d+$/u).test(text)
      ? Math.floor(Number(text))
      : Number.NaN;
    if (Number.isSafeInteger(number)) return number;
    throw this.failure(`has a pax header with ${key}=${JSON.stringify(text)}`);
  }

  private id(number: number): number {
    if (number >= 0 && number < 0xff_ff_ff_ff) return number;
    throw this.failure(`has an entry whose owner is ${number}`);
  }

  private failure(message: string): InclavareError {
    return new InclavareError("ERR_OCI_LAYER", `${this.what}: the archive ${message} (byte ${this.source.position})`);
  }
}

/** An empty value takes a record back. */
function paxValue(pax: PaxRecords, key: string): Uint8Array | undefined {
  const value = pax.get(key);
  return value === undefined || value.byteLength === 0 ? undefined : value;
}

function xattrsOf(pax: PaxRecords): ReadonlyMap<string, Uint8Array> {
  const found = [...pax].filter(([key]) => key.startsWith(XATTR_PREFIX));
  return new Map(found.map(([key, value]) => [key.slice(XATTR_PREFIX.length), value]));
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
