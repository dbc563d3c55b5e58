import { InclavareError } from "@inclavare/errors";
import { Readable } from "node:stream";
import { assertCleanPath, sortByPath } from "../tree/path.ts";
import type { TarInput } from "../tree/types.ts";
import { BLOCK_BYTES } from "./header.ts";
import { encodePax } from "./pax.ts";

const FLAGS: Readonly<Record<TarInput["type"], string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
};
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

/**
 * Writes a tar archive whose bytes follow from the entries alone: sorted by path (hard links last, so that their
 * targets come before), ustar headers, pax headers only where ustar cannot say it, no names of users, no clock.
 * Parent directories are not made up; a reader takes missing ones as root's, mode 0755.
 * @throws ERR_OCI_LAYER_PATH (from the stream) for a path that is not clean or comes twice; ERR_OCI_LAYER when a
 * content gives another number of bytes than it says.
 */
export function packTar(entries: readonly TarInput[]): Readable {
  return Readable.from(pack(entries), { objectMode: false });
}

async function* pack(entries: readonly TarInput[]): AsyncGenerator<Uint8Array, void, undefined> {
  const sorted = sortByPath(entries);
  for (const [index, entry] of sorted.entries()) {
    assertCleanPath(entry.path);
    if (entry.path === sorted[index + 1]?.path) {
      throw new InclavareError("ERR_OCI_LAYER_PATH", `${entry.path} comes twice among the entries of an archive`);
    }
  }
  for (const entry of [
    ...sorted.filter((e) => e.type !== "hardlink"),
    ...sorted.filter((e) => e.type === "hardlink"),
  ]) {
    yield* packEntry(entry);
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

async function* packEntry(entry: TarInput): AsyncGenerator<Uint8Array, void, undefined> {
  const sizeBytes = sizeOf(entry);
  yield encodeHeaders(entry, sizeBytes);
  let written = 0;
  for await (const chunk of contentOf(entry)) {
    written += chunk.byteLength;
    if (chunk.byteLength > 0) yield chunk;
  }
  if (written !== sizeBytes) {
    throw new InclavareError("ERR_OCI_LAYER", `${entry.path} gave ${written} bytes, it said ${sizeBytes}`);
  }
  if (sizeBytes % BLOCK_BYTES !== 0) yield new Uint8Array(BLOCK_BYTES - (sizeBytes % BLOCK_BYTES));
}

function sizeOf({ type, content }: TarInput): number {
  if (type !== "file" || content === undefined) return 0;
  return content instanceof Uint8Array ? content.byteLength : content.sizeBytes;
}

function contentOf({ type, content }: TarInput): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (type !== "file" || content === undefined) return [];
  return content instanceof Uint8Array ? [content] : content.open();
}

function encodeHeaders(entry: TarInput, sizeBytes: number): Uint8Array {
  const pax = new Map<string, Uint8Array>();
  const say = (key: string, value: string | number): Map<string, Uint8Array> =>
    pax.set(key, Buffer.from(String(value)));
  const name = nameOf(entry);
  const link = entry.type === "hardlink" ? (entry.linkTarget ?? "").slice(1) : (entry.linkTarget ?? "");
  const split = splitName(name);
  if (split === undefined) say("path", name);
  if (!fits(link, 100)) say("linkpath", link);
  if (sizeBytes > MAX_OCTAL_11) say("size", sizeBytes);
  if (entry.uid > MAX_OCTAL_7) say("uid", entry.uid);
  if (entry.gid > MAX_OCTAL_7) say("gid", entry.gid);
  if (entry.mtimeSeconds < 0 || entry.mtimeSeconds > MAX_OCTAL_11) say("mtime", entry.mtimeSeconds);
  for (const [key, value] of entry.xattrs ?? []) {
    // A pax key ends at the first "=".
    if (key.includes("="))
      throw new InclavareError("ERR_OCI_LAYER_UNSUPPORTED", `${entry.path} has an attribute named ${key}`);
    pax.set(`SCHILY.xattr.${key}`, value);
  }
  const block = encodeBlock({
    ...(split ?? { prefix: "", name: "long" }),
    flag: FLAGS[entry.type],
    mode: entry.mode & 0o7777,
    uid: entry.uid > MAX_OCTAL_7 ? 0 : entry.uid,
    gid: entry.gid > MAX_OCTAL_7 ? 0 : entry.gid,
    sizeBytes: sizeBytes > MAX_OCTAL_11 ? 0 : sizeBytes,
    mtimeSeconds: pax.has("mtime") ? 0 : entry.mtimeSeconds,
    link: pax.has("linkpath") ? "long" : link,
    ...(entry.device ?? { major: 0, minor: 0 }),
  });
  if (pax.size === 0) return block;
  const records = encodePax(pax);
  const padded = new Uint8Array(Math.ceil(records.byteLength / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(records);
  return Buffer.concat([encodePaxBlock(records.byteLength), padded, block]);
}

function nameOf({ path, type }: TarInput): string {
  if (path === "/") return "./";
  return type === "directory" ? `${path.slice(1)}/` : path.slice(1);
}

/** ustar holds a name of up to 256 ASCII characters if it can be divided at a slash. */
function splitName(name: string): { readonly prefix: string; readonly name: string } | undefined {
  if (fits(name, 100)) return { prefix: "", name };
  if (!fits(name, 256)) return undefined;
  const slash = name.indexOf("/", name.length - 101);
  const rest = name.slice(slash + 1);
  return slash > 0 && slash <= 155 && rest !== "" ? { prefix: name.slice(0, slash), name: rest } : undefined;
}

function fits(text: string, lengthBytes: number): boolean {
  return text.length <= lengthBytes && /^[\u0020-\u007e]*$/u.test(text);
}

interface Block {
  readonly name: string;
  readonly prefix: string;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly link: string;
  readonly major: number;
  readonly minor: number;
}

function encodePaxBlock(sizeBytes: number): Uint8Array {
  const owner = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, major: 0, minor: 0 };
  return encodeBlock({ ...owner, name: "PaxHeaders/entry", prefix: "", flag: "x", sizeBytes, link: "" });
}

function encodeBlock(fields: Block): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number, offset: number): number =>
    block.write(value.toString(8).padStart(digits, "0"), offset, "latin1");
  block.write(fields.name, 0, "latin1");
  octal(fields.mode, 7, 100);
  octal(fields.uid, 7, 108);
  octal(fields.gid, 7, 116);
  octal(fields.sizeBytes, 11, 124);
  octal(fields.mtimeSeconds, 11, 136);
  block.write("        ", 148, "latin1");
  block.write(fields.flag, 156, "latin1");
  block.write(fields.link, 157, "latin1");
  block.write("ustar\u000000", 257, "latin1");
  octal(fields.major, 7, 329);
  octal(fields.minor, 7, 337);
  block.write(fields.prefix, 345, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
