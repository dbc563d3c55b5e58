import { InclavareError } from "@inclavare/errors";

/** The kinds of bytes that can hold evidence. */
export type EvidenceKind = "quote" | "report" | "certificate" | "evidence-message";

const QUOTE_VERSIONS = new Set([3, 4, 5]);
/** The smallest quote: header, report, an empty certification data. */
const LEAST_QUOTE_BYTES = 1020;
const SNP_REPORT_BYTES = 1184;
/** Newer versions are recognised, so that they can be refused as what they are. */
const SNP_REPORT_VERSIONS = { least: 2, most: 15 };
const SNP_SIGNATURE_ALGORITHM_OFFSET = 0x34;
const SNP_ECDSA_P384_SHA384 = 1;
const PEM_CERTIFICATE = /^\s*-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/u;

/**
 * Says what the bytes are by their first few, and nothing about whether they are well-formed.
 * @throws InclavareError ERR_EVIDENCE_FORMAT for bytes of no known kind
 */
export function recognise(bytes: Uint8Array): EvidenceKind {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isReport(view)) return "report";
  if (bytes.length >= LEAST_QUOTE_BYTES && QUOTE_VERSIONS.has(view.getUint16(0, true))) return "quote";
  if (bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80) return "certificate";
  if (PEM_CERTIFICATE.test(Buffer.from(bytes.subarray(0, 4096)).toString("latin1"))) return "certificate";
  // CBOR tag with a 16-bit number, or a map of two entries
  if (bytes[0] === 0xd9 || bytes[0] === 0xa2) return "evidence-message";
  throw new InclavareError(
    "ERR_EVIDENCE_FORMAT",
    `${bytes.length} bytes are no quote, report, certificate or evidence message`,
  );
}

/** An SEV-SNP report begins with a 32-bit version; a quote's 16-bit version is followed by a key type, never zero. */
function isReport(view: DataView): boolean {
  if (view.byteLength < SNP_REPORT_BYTES) return false;
  const version = view.getUint32(0, true);
  return (
    version >= SNP_REPORT_VERSIONS.least &&
    version <= SNP_REPORT_VERSIONS.most &&
    view.getUint32(SNP_SIGNATURE_ALGORITHM_OFFSET, true) === SNP_ECDSA_P384_SHA384
  );
}
