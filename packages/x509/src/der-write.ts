/** DER: writing. Each function returns the encoding of one value. */
import { TAG } from "./der.ts";

export type Der = Uint8Array<ArrayBuffer>;

export function derValue(firstByte: number, content: Uint8Array): Der {
  const { length } = content;
  const size: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  const head = length < 0x80 ? [firstByte, length] : [firstByte, 0x80 | size.length, ...size];
  return concat([Uint8Array.from(head), content]);
}

function concat(parts: readonly Uint8Array[]): Der {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function derSequence(...parts: readonly Uint8Array[]): Der {
  return derValue(0x20 | TAG.sequence, concat(parts));
}

/** The parts in the order that DER demands for a SET OF. */
export function derSet(...parts: readonly Uint8Array[]): Der {
  return derValue(0x20 | TAG.set, concat(parts.toSorted((a, b) => Buffer.compare(a, b))));
}

export function derInteger(value: bigint | number, tag: number = TAG.integer): Der {
  const number = BigInt(value);
  let size = 1;
  while (number < -(1n << BigInt(8 * size - 1)) || number >= 1n << BigInt(8 * size - 1)) size += 1;
  const hex = BigInt.asUintN(8 * size, number)
    .toString(16)
    .padStart(2 * size, "0");
  return derValue(tag, Buffer.from(hex, "hex"));
}

export function derEnumerated(value: number): Der {
  return derInteger(value, TAG.enumerated);
}

export function derBoolean(value: boolean): Der {
  return derValue(TAG.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function derNull(): Der {
  return derValue(TAG.null, new Uint8Array(0));
}

/** @param dotted such as `1.2.840.113741.1.13.1`. */
export function derOid(dotted: string): Der {
  const [first = 0n, second = 0n, ...rest] = dotted.split(".").map(BigInt);
  const bytes = [first * 40n + second, ...rest].flatMap((arc) => {
    const digits = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) digits.unshift(Number(left & 0x7fn) | 0x80);
    return digits;
  });
  return derValue(TAG.oid, Uint8Array.from(bytes));
}

export function derOctetString(bytes: Uint8Array): Der {
  return derValue(TAG.octetString, bytes);
}

/** @param unusedBits how many bits at the end of the last byte do not count. */
export function derBitString(bytes: Uint8Array, unusedBits: number = 0): Der {
  return derValue(TAG.bitString, concat([Uint8Array.of(unusedBits), bytes]));
}

export function derUtf8(text: string): Der {
  return derValue(TAG.utf8String, Buffer.from(text, "utf8"));
}

export function derPrintable(text: string): Der {
  return derValue(TAG.printableString, Buffer.from(text, "latin1"));
}

export function derIa5(text: string): Der {
  return derValue(TAG.ia5String, Buffer.from(text, "latin1"));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280, section 4.1.2.5); whole seconds. */
export function derTime(time: Date): Der {
  const digits = `${time.toISOString().replace(/\D/gu, "").slice(0, 14)}Z`;
  const utc = time.getUTCFullYear() >= 1950 && time.getUTCFullYear() < 2050;
  return derValue(utc ? TAG.utcTime : TAG.generalizedTime, Buffer.from(utc ? digits.slice(2) : digits, "latin1"));
}

/** A context-specific tag; `constructed` (the default) for explicit tagging and implicit SEQUENCEs. */
export function derContext(number: number, content: Uint8Array, constructed: boolean = true): Der {
  return derValue((constructed ? 0xa0 : 0x80) | number, content);
}
