import { decode, encode, rfc8949EncodeOptions, Tagged } from "cborg";
import { type ErrorCode, InclavareError } from "@inclavare/errors";

/** An Intel TEE quote with its claims buffer. @see CCC Interoperable RA-TLS, section on CBOR tags */
export const TAG_INTEL_QUOTE = 60_000;
/** An SEV-SNP report with its claims buffer, as librats writes it. */
export const TAG_SNP_REPORT = 0x1a_7504;
/** A CCA token with its claims buffer; ours, as long as nobody has registered one. */
export const TAG_CCA_TOKEN = 0x1a_7510;
const TAGS = { quote: TAG_INTEL_QUOTE, "snp-report": TAG_SNP_REPORT, "cca-token": TAG_CCA_TOKEN } as const;
const FORMS = Object.keys(TAGS) as (keyof typeof TAGS)[];
/** Reports that only the machine which made them can check: a TD or SGX report, and the older form of the latter. */
const LOCAL_REPORT_TAGS = [60_001, 60_002] as const;

export interface CborOptions {
  readonly code: ErrorCode;
  readonly what: string;
  readonly limitBytes: number;
  /** Tags that are taken, given as `Tagged`; left out: none. */
  readonly tags?: readonly number[];
  /**
   * True: as other producers may write it, with indefinite lengths and integers of any length. What is signed as bytes needs
   * no single encoding. Left out: deterministic form only.
   */
  readonly anyForm?: boolean;
}

/**
 * Decodes one CBOR item: no duplicate keys, no trailing bytes, no floats, and no tag but the given ones. Maps come as `Map`.
 * @throws InclavareError with the given code
 */
export function decodeCbor(bytes: Uint8Array, options: CborOptions): unknown {
  const { code, what, limitBytes, tags = [], anyForm = false } = options;
  if (bytes.length > limitBytes) {
    throw new InclavareError(code, `${what} has ${bytes.length} bytes, at most ${limitBytes} are taken`);
  }
  try {
    return decode(bytes, {
      strict: !anyForm,
      allowIndefinite: anyForm,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      useMaps: true,
      rejectDuplicateMapKeys: true,
      tags: Object.fromEntries(tags.map((tag) => [tag, (content: () => unknown) => new Tagged(tag, content())])),
    });
  } catch (cause) {
    // Also the RangeError of a thousandfold nested array: the stack has unwound, and the input is what is wrong.
    throw new InclavareError(code, `${what} is not well-formed CBOR${anyForm ? "" : " in deterministic form"}`, {
      cause,
    });
  }
}

/** The content of an item with this tag, or `undefined` for anything else. */
export function untag(value: unknown, tag: number): unknown {
  return value instanceof Tagged && value.tag === tag ? value.value : undefined;
}

/** The reverse. */
export function withTag(tag: number, value: unknown): unknown {
  return new Tagged(tag, value);
}

/** Encodes in RFC 8949 core deterministic form: the same value gives the same bytes. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

/** Evidence of one kind, and the claims buffer that it binds. */
export interface TaggedEvidence {
  readonly form: keyof typeof TAGS;
  readonly evidence: Uint8Array;
  readonly claims: Uint8Array;
}

/**
 * Decodes one item of tagged evidence, `TAG([evidence, claims])`, alone or as a member of a map.
 * @throws InclavareError with the given code; ERR_EVIDENCE_UNSUPPORTED for a local report
 */
export function decodeTaggedCbor(bytes: Uint8Array, options: CborOptions): unknown {
  const item = decodeCbor(bytes, { ...options, tags: [...Object.values(TAGS), ...LOCAL_REPORT_TAGS] });
  if (LOCAL_REPORT_TAGS.every((tag) => untag(item, tag) === undefined)) return item;
  throw new InclavareError(
    "ERR_EVIDENCE_UNSUPPORTED",
    `${options.what} holds a local report, which only the CPU that made it can check; expected a quote`,
  );
}

/** The parts of tagged evidence, or `undefined` for anything else. */
export function evidenceAndClaims(value: unknown): TaggedEvidence | undefined {
  const form = FORMS.find((name) => untag(value, TAGS[name]) !== undefined);
  const parts = form === undefined ? undefined : untag(value, TAGS[form]);
  if (form === undefined || !Array.isArray(parts)) return undefined;
  const [evidence, claims, ...surplus] = parts as readonly unknown[];
  if (!(evidence instanceof Uint8Array) || !(claims instanceof Uint8Array) || surplus.length > 0) return undefined;
  return { form, evidence, claims };
}

/** Tagged evidence of an item's parts. */
export function tagEvidence({ form, evidence, claims }: TaggedEvidence): unknown {
  return new Tagged(TAGS[form], [evidence, claims]);
}
