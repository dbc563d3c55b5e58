import { InclavareError } from "@inclavare/errors";

export const BLOCK_BYTES = 512;

/** What kind of block follows, by POSIX.1 (ustar, pax) and GNU tar; what is not here is not supported. */
export type HeaderKind =
  | "file"
  | "hardlink"
  | "symlink"
  | "character-device"
  | "block-device"
  | "directory"
  | "fifo"
  | "pax"
  | "pax-global"
  | "gnu-name"
  | "gnu-link";

/** One header block, names as raw bytes because their encoding is not known here. */
export interface RawHeader {
  readonly kind: HeaderKind;
  readonly name: Uint8Array;
  readonly linkName: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly major: number;
  readonly minor: number;
}

const KINDS: Readonly<Record<string, HeaderKind>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  x: "pax",
  g: "pax-global",
  L: "gnu-name",
  K: "gnu-link",
};

const UNSUPPORTED: Readonly<Record<string, string>> = {
  S: "a sparse file (GNU format)",
  D: "a directory dump (GNU format)",
  M: "a part of a multi-volume archive",
  N: "an old GNU long name",
  V: "a volume label",
  X: "a Solaris extended header",
  A: "a Solaris access control list",
};

/**
 * Decodes a header block of 512 bytes.
 * @returns undefined for a block of zeros, which marks the archive's end.
 * @throws ERR_OCI_LAYER for a wrong checksum or number; ERR_OCI_LAYER_UNSUPPORTED for a kind of entry that is not known.
 * @see POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"
 */
export function decodeHeader(block: Uint8Array, what: string): RawHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  checkSum(block, what);
  const flag = String.fromCharCode(block[156] ?? 0);
  const name = joinPrefix(block);
  const kind = KINDS[flag];
  if (kind === undefined) {
    const described = UNSUPPORTED[flag] ?? `of type ${JSON.stringify(flag)}`;
    throw new InclavareError(
      "ERR_OCI_LAYER_UNSUPPORTED",
      `${what}: entry ${JSON.stringify(Buffer.from(name).toString())} is ${described}, which is not supported`,
    );
  }
  const number = (offset: number, length: number): number =>
    decodeNumber(block.subarray(offset, offset + length), what);
  // Before POSIX there was no type for directories: a plain entry whose name ends in a slash is one.
  const oldDirectory = flag === "\0" && name.at(-1) === 0x2f;
  return {
    kind: oldDirectory ? "directory" : kind,
    name,
    linkName: untilNul(block.subarray(157, 257)),
    mode: number(100, 8) & 0o7777,
    uid: number(108, 8),
    gid: number(116, 8),
    sizeBytes: number(124, 12),
    mtimeSeconds: number(136, 12),
    major: isDevice(kind) ? number(329, 8) : 0,
    minor: isDevice(kind) ? number(337, 8) : 0,
  };
}

function isDevice(kind: HeaderKind): boolean {
  return kind === "character-device" || kind === "block-device";
}

function checkSum(block: Uint8Array, what: string): void {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let index = 0; index < BLOCK_BYTES; index += 1) {
    if (index >= 148 && index < 156) continue;
    const byte = block[index] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  // Some old programs summed signed characters.
  const stated = decodeNumber(block.subarray(148, 156), what);
  if (stated === unsigned || stated === signed) return;
  throw new InclavareError("ERR_OCI_LAYER", `${what}: a tar header's checksum is ${stated}, expected ${unsigned}`);
}

function joinPrefix(block: Uint8Array): Uint8Array {
  const name = untilNul(block.subarray(0, 100));
  // "ustar" with a NUL is POSIX; GNU's "ustar " has other fields where the prefix would be.
  const posix = Buffer.from(block.subarray(257, 263)).toString("latin1") === "ustar\0";
  const prefix = posix ? untilNul(block.subarray(345, 500)) : new Uint8Array(0);
  return prefix.byteLength === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]);
}

function untilNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field.slice() : field.slice(0, end);
}

/** Octal digits, or, where the highest bit is set, a big-endian two's complement number (GNU). */
function decodeNumber(field: Uint8Array, what: string): number {
  const first = field[0] ?? 0;
  if ((first & 0x80) !== 0) return decodeBinary(field, what);
  const digits = Buffer.from(field)
    .toString("latin1")
    .replaceAll(/^[ \0]+|[ \0]+$/gu, "");
  if (!/^[0-7]*$/u.test(digits)) {
    throw new InclavareError(
      "ERR_OCI_LAYER",
      `${what}: a tar header has ${JSON.stringify(digits)} for an octal number`,
    );
  }
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function decodeBinary(field: Uint8Array, what: string): number {
  const negative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = 0n;
  for (const [index, byte] of field.entries()) {
    // The highest bit marks the form; the next one is the sign.
    const bits = index === 0 ? byte & 0x7f : byte;
    value = (value << 8n) | BigInt(bits);
  }
  if (negative) value -= 1n << BigInt(field.byteLength * 8 - 1);
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new InclavareError("ERR_OCI_LAYER", `${what}: a tar header has ${value} for a number`);
}
