/** What DER nodes mean: one reader for each type that certificates and their extensions hold. */
import { InclavareError } from "@inclavare/errors";
import { type DerNode, TAG } from "./der.ts";

/** The node must be universal with this tag, primitive or constructed as its type demands. @throws ERR_DER */
export function expectTag(node: DerNode | undefined, tag: keyof typeof TAG, what: string): DerNode {
  const constructed = tag === "sequence" || tag === "set";
  if (node === undefined) throw wrong(what, `is missing, expected ${tag}`);
  if (node.class !== "universal" || node.tag !== TAG[tag] || node.constructed !== constructed) {
    throw wrong(what, `has tag ${node.class} ${node.tag}, expected ${tag}`);
  }
  return node;
}

export function isContext(node: DerNode | undefined, number: number): node is DerNode {
  return node !== undefined && node.class === "context" && node.tag === number;
}

export function readBoolean(node: DerNode | undefined, what: string): boolean {
  const { content } = expectTag(node, "boolean", what);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw wrong(what, "is not a DER boolean");
  return content[0] === 0xff;
}

/** Two's complement, shortest form. */
export function readInteger(
  node: DerNode | undefined,
  what: string,
  tag: "integer" | "enumerated" = "integer",
): bigint {
  const { content } = expectTag(node, tag, what);
  const [first, second = 0] = content;
  if (first === undefined) throw wrong(what, "is an integer without a byte");
  const padded = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (padded) throw wrong(what, "is an integer that is not in its shortest form");
  const value = BigInt(`0x${Buffer.from(content).toString("hex")}`);
  return first < 0x80 ? value : value - (1n << BigInt(8 * content.length));
}

/** An integer from 0 to `most`. */
export function readSmallInteger(
  node: DerNode | undefined,
  most: number,
  what: string,
  tag: "integer" | "enumerated" = "integer",
): number {
  const { content } = expectTag(node, tag, what);
  // Nearly all are of one byte, which needs none of the big numbers below.
  const [only = 0x80] = content;
  const value = content.length === 1 && only < 0x80 ? only : readInteger(node, what, tag);
  if (value < 0 || value > most) throw wrong(what, `is ${value}, expected 0 to ${most}`);
  return Number(value);
}

export function readOctetString(node: DerNode | undefined, what: string): Uint8Array {
  return expectTag(node, "octetString", what).content;
}

/** Whole bytes only: a bit string with unused bits is refused, but for key usage, which {@link readBits} reads. */
export function readBitString(node: DerNode | undefined, what: string): Uint8Array {
  const { content } = expectTag(node, "bitString", what);
  if (content[0] !== 0) throw wrong(what, "is a bit string that does not end at a byte");
  return content.subarray(1);
}

/** The numbers of the bits that are set, bit 0 being the first. */
export function readBits(node: DerNode | undefined, what: string): ReadonlySet<number> {
  const { content } = expectTag(node, "bitString", what);
  const [unused] = content;
  if (unused === undefined || unused > 7 || content.length > 9)
    throw wrong(what, "is not a bit string of up to 64 bits");
  const last = content.at(-1) ?? 0;
  if (content.length === 1 ? unused !== 0 : (last & (0xff >> (8 - unused))) !== 0)
    throw wrong(what, "has unused bits that are set");
  const bits = new Set<number>();
  for (let bit = 0; bit < (content.length - 1) * 8 - unused; bit++) {
    if (((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.add(bit);
  }
  return bits;
}

/** Above it, the next seven bits of an arc would no longer fit a number without loss. */
const MOST_ARC = 2 ** 45;

/** In dotted form. */
export function readOid(node: DerNode | undefined, what: string): string {
  const { content } = expectTag(node, "oid", what);
  const { length } = content;
  if (length === 0 || length > 64 || (content[length - 1] ?? 0) >= 0x80)
    throw wrong(what, "is not an object identifier");
  let text = "";
  let arc: number | bigint = 0;
  let starts = true;
  for (let index = 0; index < length; index++) {
    const byte = content[index] ?? 0;
    if (starts && byte === 0x80) throw wrong(what, "has an arc that is not in its shortest form");
    const bits = byte & 0x7f;
    if (typeof arc === "number" && arc < MOST_ARC) arc = arc * 128 + bits;
    else arc = BigInt(arc) * 128n + BigInt(bits);
    starts = byte < 0x80;
    if (!starts) continue;
    text += text === "" ? firstArcs(arc) : `.${arc}`;
    arc = 0;
  }
  return text;
}

/** The first two arcs are in one value; the first is 2 at most. */
function firstArcs(value: number | bigint): string {
  if (typeof value === "bigint") return `2.${value - 80n}`;
  const top = value < 80 ? Math.floor(value / 40) : 2;
  return `${top}.${value - 40 * top}`;
}

/** Text of any string type that names and extensions use. */
export function readString(node: DerNode | undefined, what: string): string {
  const known =
    node !== undefined &&
    node.class === "universal" &&
    !node.constructed &&
    [TAG.utf8String, TAG.printableString, TAG.ia5String].some((tag) => tag === node.tag);
  if (!known) throw wrong(what, "is not a UTF8String, PrintableString or IA5String");
  const { content } = node;
  if (content.every((byte) => byte < 0x80)) return latin1(content);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (cause) {
    throw new InclavareError("ERR_DER", `${what} is not UTF-8`, { cause });
  }
}

/** UTCTime or GeneralizedTime, in UTC with seconds (RFC 5280, section 4.1.2.5). */
export function readTime(node: DerNode | undefined, what: string): Date {
  const utc = node?.tag === TAG.utcTime;
  const { content } = expectTag(node, utc ? "utcTime" : "generalizedTime", what);
  const yearDigits = utc ? 2 : 4;
  if (!isUtcForm(content, yearDigits + 10))
    throw wrong(what, `is "${latin1(content)}", expected a time in UTC with seconds`);
  const digits = (at: number, count: number): number => {
    let value = 0;
    for (let index = at; index < at + count; index++) value = value * 10 + (content[index] ?? 0) - 0x30;
    return value;
  };
  const year = digits(0, yearDigits);
  const [month, day] = [digits(yearDigits, 2), digits(yearDigits + 2, 2)];
  const [hour, minute, second] = [digits(yearDigits + 4, 2), digits(yearDigits + 6, 2), digits(yearDigits + 8, 2)];
  const full = utc ? year + (year < 50 ? 2000 : 1900) : year;
  const time = new Date(Date.UTC(full, month - 1, day, hour, minute, second));
  // Date.UTC carries over what is out of range, which no clock shows, and takes the years before 100 for others.
  const isShown =
    time.getUTCFullYear() === full && time.getUTCMonth() === month - 1 && time.getUTCDate() === day && hour < 24;
  if (!isShown || minute > 59 || second > 59) throw wrong(what, `is "${latin1(content)}", which is no date`);
  return time;
}

/** So many digits, then a Z. */
function isUtcForm(content: Uint8Array, digits: number): boolean {
  if (content.length !== digits + 1 || content[digits] !== 0x5a) return false;
  for (let index = 0; index < digits; index++) {
    const byte = content[index] ?? 0;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return true;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function wrong(what: string, rule: string): InclavareError {
  return new InclavareError("ERR_DER", `${what} ${rule}`);
}
