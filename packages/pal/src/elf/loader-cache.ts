/**
 * The dynamic loader's cache, `/etc/ld.so.cache`: which library lies where, as ldconfig found it.
 *
 * Layout (glibc, `struct cache_file_new`): 20 bytes of magic, number of entries, bytes of strings, 20 bytes of others;
 * then 24 bytes an entry: flags, name, path (both offsets of strings), an old field, and capabilities of the processor
 * (64 bits). A file of the old format may come before it, aligned to 8 bytes.
 */
const MAGIC = Buffer.from("glibc-ld.so.cache1.1");
const OLD_MAGIC = Buffer.from("ld.so-1.7.0");
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;
const OLD_HEADER_BYTES = 16;
const OLD_ENTRY_BYTES = 12;
const MOST_ENTRIES = 100_000;
/** Library of glibc for 64 bits, by machine; other entries are for other machines. */
const FLAGS: Readonly<Record<string, number>> = { "x86-64": 0x0303, aarch64: 0x0a03 };

/**
 * The libraries of a machine by their names, without those for certain processors only.
 *
 * The loader itself takes a damaged cache for an empty one, and so does this.
 */
export function parseLoaderCache(bytes: Uint8Array, machine: string): ReadonlyMap<string, string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const paths = new Map<string, string>();
  const start = findStart(buffer);
  if (start === undefined) return paths;
  const count = Math.min(buffer.readUInt32LE(start + MAGIC.length), MOST_ENTRIES);
  for (let index = 0; index < count; index += 1) {
    const at = start + HEADER_BYTES + index * ENTRY_BYTES;
    if (at + ENTRY_BYTES > buffer.length) break;
    if (buffer.readInt32LE(at) !== FLAGS[machine] || buffer.readBigUInt64LE(at + 16) !== 0n) continue;
    const name = stringAt(buffer, start + buffer.readUInt32LE(at + 4));
    const path = stringAt(buffer, start + buffer.readUInt32LE(at + 8));
    if (name !== undefined && path !== undefined && !paths.has(name)) paths.set(name, path);
  }
  return paths;
}

function findStart(buffer: Buffer): number | undefined {
  const isOld = buffer.subarray(0, OLD_MAGIC.length).equals(OLD_MAGIC) && buffer.length >= OLD_HEADER_BYTES;
  const oldBytes = isOld ? OLD_HEADER_BYTES + buffer.readUInt32LE(12) * OLD_ENTRY_BYTES : 0;
  const start = Math.ceil(oldBytes / 8) * 8;
  const isNew = buffer.subarray(start, start + MAGIC.length).equals(MAGIC);
  return isNew && start + HEADER_BYTES <= buffer.length ? start : undefined;
}

function stringAt(buffer: Buffer, offset: number): string | undefined {
  const end = buffer.indexOf(0, offset);
  return offset >= buffer.length || end === -1 || end - offset > 4096
    ? undefined
    : buffer.toString("utf8", offset, end);
}
