import { decode, encode, rfc8949EncodeOptions, Tagged } from "cborg";
import { type ErrorCode, InclavareError } from "@inclavare/errors";

/** An Intel TEE quote with its claims buffer. @see CCC Interoperable RA-TLS, section on CBOR tags */
export const TAG_INTEL_QUOTE = 60_000;

/**
 * Decodes one CBOR item: definite lengths, shortest integers, no duplicate keys, no trailing bytes, no floats, and no
 * tag but 60000 (given as `Tagged`). Maps come as `Map`.
 * @throws InclavareError with the given code
 */
export function decodeCbor(bytes: Uint8Array, options: CborOptions): unknown {
  const { code, what, limitBytes } = options;
  if (bytes.length > limitBytes) {
    throw new InclavareError(code, `${what} has ${bytes.length} bytes, at most ${limitBytes} are taken`);
  }
  try {
    return decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      useMaps: true,
      rejectDuplicateMapKeys: true,
      tags: { [TAG_INTEL_QUOTE]: (content) => new Tagged(TAG_INTEL_QUOTE, content()) },
    });
  } catch (cause) {
    // Also the RangeError of a thousandfold nested array: the stack has unwound, and the input is what is wrong.
    throw new InclavareError(code, `${what} is not well-formed CBOR in deterministic form`, { cause });
  }
}

export interface CborOptions {
  readonly code: ErrorCode;
  readonly what: string;
  readonly limitBytes: number;
}

/** Encodes in RFC 8949 core deterministic form: the same value gives the same bytes. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

/** The two parts of a tag-60000 item, or `undefined` for anything else. */
export function quoteAndClaims(value: unknown): readonly [Uint8Array, Uint8Array] | undefined {
  if (!(value instanceof Tagged) || value.tag !== TAG_INTEL_QUOTE || !Array.isArray(value.value)) return undefined;
  const [quote, claims, ...surplus] = value.value as readonly unknown[];
  if (!(quote instanceof Uint8Array) || !(claims instanceof Uint8Array) || surplus.length > 0) return undefined;
  return [quote, claims];
}

/** The tag-60000 item of a quote and its claims buffer. */
export function tagQuoteAndClaims(quote: Uint8Array, claims: Uint8Array): unknown {
  return new Tagged(TAG_INTEL_QUOTE, [quote, claims]);
}
