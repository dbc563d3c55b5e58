import { InclavareError } from "@inclavare/errors";

/** The kinds of bytes that can hold evidence. */
export type EvidenceKind =
  | "quote"
  | "report"
  | "sev-report"
  | "cca-token"
  | "cose-sign1"
  | "certificate"
  | "evidence-message";

const QUOTE_VERSIONS = new Set([3, 4, 5]);
/** The smallest quote: header, report, an empty certification data. */
const LEAST_QUOTE_BYTES = 1020;
const SNP_REPORT_BYTES = 1184;
/** Newer versions are recognised, so that they can be refused as what they are. */
const SNP_REPORT_VERSIONS = { least: 2, most: 15 };
const SNP_SIGNATURE_ALGORITHM_OFFSET = 0x34;
const SNP_ECDSA_P384_SHA384 = 1;
/** SEV API (AMD 55766), ATTESTATION: nonce, launch digest, policy, usage and algorithm of the key, signature. */
const SEV_REPORT_BYTES = 208;
const SEV_USAGE_OFFSET = 0x34;
const SEV_USAGE_PEK = 0x1002;
const PEM_CERTIFICATE = /^\s*-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/u;

/** How the CBOR kinds begin: a tag, an array of four, a small map. */
const CBOR_HEADS: readonly (readonly [EvidenceKind, readonly (readonly number[])[]])[] = [
  // tags 399 and 907
  [
    "cca-token",
    [
      [0xd9, 0x01, 0x8f],
      [0xd9, 0x03, 0x8b],
    ],
  ],
  // tag 18, tag 17, and none
  [
    "cose-sign1",
    [
      [0xd2, 0x84],
      [0xd1, 0x84],
      [0x84, 0x40],
      [0x84, 0x43],
      [0x84, 0x44],
      [0x84, 0x58],
    ],
  ],
  // tags of 16 and of 32 bits, and maps of evidence with what comes along
  ["evidence-message", [[0xd9], [0xda, 0x00, 0x1a], [0xa2], [0xa3]]],
];

/**
 * Says what the bytes are by their first few, and nothing about whether they are well-formed.
 * @throws InclavareError ERR_EVIDENCE_FORMAT for bytes of no known kind
 */
export function recognise(bytes: Uint8Array): EvidenceKind {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isSnpReport(view)) return "report";
  if (bytes.length >= LEAST_QUOTE_BYTES && QUOTE_VERSIONS.has(view.getUint16(0, true))) return "quote";
  if (bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80) return "certificate";
  if (PEM_CERTIFICATE.test(Buffer.from(bytes.subarray(0, 4096)).toString("latin1"))) return "certificate";
  if (bytes.length === SEV_REPORT_BYTES && view.getUint32(SEV_USAGE_OFFSET, true) === SEV_USAGE_PEK)
    return "sev-report";
  for (const [kind, heads] of CBOR_HEADS) {
    if (heads.some((head) => head.every((byte, index) => bytes[index] === byte))) return kind;
  }
  throw new InclavareError(
    "ERR_EVIDENCE_FORMAT",
    `${bytes.length} bytes are no quote, report, token, document, certificate or evidence message`,
  );
}

/** An SEV-SNP report begins with a 32-bit version; a quote's 16-bit version is followed by a key type, never zero. */
function isSnpReport(view: DataView): boolean {
  if (view.byteLength < SNP_REPORT_BYTES) return false;
  const version = view.getUint32(0, true);
  return (
    version >= SNP_REPORT_VERSIONS.least &&
    version <= SNP_REPORT_VERSIONS.most &&
    view.getUint32(SNP_SIGNATURE_ALGORITHM_OFFSET, true) === SNP_ECDSA_P384_SHA384
  );
}
