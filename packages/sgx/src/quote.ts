/** ECDSA quote, version 3 (Intel SGX ECDSA QuoteLibReference, appendix A.4): header, report body, signature data. */
import { InclavareError } from "@inclavare/errors";
import { copyOf, encodeFixed, putBytes } from "./bytes.ts";
import { decodeReportBody, type EnclaveReport, REPORT_BODY_BYTES } from "./report.ts";

const HEADER_BYTES = 48;
const SIGNED_BYTES = HEADER_BYTES + REPORT_BODY_BYTES;
const FIXED_AUTH_BYTES = 584;
/** The smallest quote that can be: no QE authentication data, no certification data. */
const LEAST_BYTES = SIGNED_BYTES + 4 + FIXED_AUTH_BYTES;
const MOST_BYTES = 1 << 20;
const INTEL_VENDOR_ID = "939a7233f79c4ca9940a0db3957f0607";
const TEE_TYPES = new Map([
  [0x00, "sgx"],
  [0x81, "tdx"],
]);

export interface QuoteHeader {
  readonly version: number;
  /** 2: ECDSA-256 with P-256. */
  readonly attestationKeyType: number;
  readonly teeType: number;
  readonly qeSvn: number;
  readonly pceSvn: number;
  readonly qeVendorId: Uint8Array;
  /** The first 16 bytes are the QE identifier. */
  readonly userData: Uint8Array;
}

export interface CertificationData {
  /** 1 to 3: a PPID in clear or encrypted; 4: the PCK leaf; 5: the PCK chain in PEM. */
  readonly type: number;
  readonly data: Uint8Array;
}

export interface Quote {
  readonly header: QuoteHeader;
  readonly reportBody: EnclaveReport;
  /** Header and report body: 432 bytes. */
  readonly signedBytes: Uint8Array;
  /** r and s, 32 bytes each, big-endian. */
  readonly signature: Uint8Array;
  /** X and Y, 32 bytes each, big-endian. */
  readonly attestationKey: Uint8Array;
  /** The quoting enclave's report as it was signed: 384 bytes. */
  readonly qeReportBytes: Uint8Array;
  readonly qeReport: EnclaveReport;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  readonly certificationData: CertificationData;
}

/** Only this much is needed to know what a quote is. @throws ERR_QUOTE_FORMAT */
export function decodeQuoteHeader(bytes: Uint8Array): QuoteHeader & { readonly tee: "sgx" | "tdx" | undefined } {
  if (bytes.length < HEADER_BYTES) throw malformed(`has ${bytes.length} bytes, the header alone needs ${HEADER_BYTES}`);
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const teeType = b.readUInt32LE(4);
  return {
    version: b.readUInt16LE(0),
    attestationKeyType: b.readUInt16LE(2),
    teeType,
    qeSvn: b.readUInt16LE(8),
    pceSvn: b.readUInt16LE(10),
    qeVendorId: copyOf(b, 12, 28),
    userData: copyOf(b, 28, 48),
    tee: TEE_TYPES.get(teeType) as "sgx" | "tdx" | undefined,
  };
}

/**
 * Decodes a version 3 quote. Bytes behind the signature data are padding of some quote providers and are ignored.
 * @throws ERR_QUOTE_FORMAT; ERR_QUOTE_VERSION for a version or TEE that this decoder does not read.
 */
export function decodeQuote(bytes: Uint8Array): Quote {
  if (bytes.length > MOST_BYTES) throw malformed(`has ${bytes.length} bytes, at most ${MOST_BYTES} are read`);
  const { tee, ...header } = decodeQuoteHeader(bytes);
  if (header.version !== 3 || tee !== "sgx") {
    const found = `version ${header.version}, TEE type 0x${header.teeType.toString(16)}`;
    throw new InclavareError("ERR_QUOTE_VERSION", `the quote is of ${found}; version 3 for SGX is read`);
  }
  if (header.attestationKeyType !== 2)
    throw malformed(`has attestation key type ${header.attestationKeyType}, expected 2 (ECDSA P-256)`);
  const vendor = Buffer.from(header.qeVendorId).toString("hex");
  if (vendor !== INTEL_VENDOR_ID) throw malformed(`names QE vendor ${vendor}, expected ${INTEL_VENDOR_ID}`);
  if (bytes.length < LEAST_BYTES) throw malformed(`has ${bytes.length} bytes, expected at least ${LEAST_BYTES}`);
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const authBytes = b.readUInt32LE(SIGNED_BYTES);
  const start = SIGNED_BYTES + 4;
  if (authBytes > bytes.length - start)
    throw malformed(`declares ${authBytes} bytes of signature data, ${bytes.length - start} are there`);
  return {
    header,
    reportBody: decodeReportBody(b.subarray(HEADER_BYTES, SIGNED_BYTES)),
    signedBytes: copyOf(b, 0, SIGNED_BYTES),
    ...decodeAuthData(b.subarray(start, start + authBytes)),
  };
}

type AuthData = Omit<Quote, "header" | "reportBody" | "signedBytes">;

function decodeAuthData(b: Buffer): AuthData {
  const authEnd = 578 + b.readUInt16LE(checked(b, 576, 2, "size of the QE authentication data"));
  checked(b, authEnd, 6, "certification data header");
  const size = b.readUInt32LE(authEnd + 2);
  checked(b, authEnd + 6, size, "certification data");
  return {
    signature: copyOf(b, 0, 64),
    attestationKey: copyOf(b, 64, 128),
    qeReportBytes: copyOf(b, 128, 512),
    qeReport: decodeReportBody(b.subarray(128, 512)),
    qeReportSignature: copyOf(b, 512, 576),
    qeAuthData: copyOf(b, 578, authEnd),
    certificationData: { type: b.readUInt16LE(authEnd), data: copyOf(b, authEnd + 6, authEnd + 6 + size) },
  };
}

function checked(b: Buffer, offset: number, sizeBytes: number, what: string): number {
  if (offset + sizeBytes <= b.length) return offset;
  throw malformed(`ends inside the ${what}`);
}

export type QuoteParts = Pick<
  Quote,
  "signature" | "attestationKey" | "qeReportBytes" | "qeReportSignature" | "qeAuthData" | "certificationData"
> & { readonly signedBytes: Uint8Array };

/** The 432 bytes that the attestation key signs. */
export function encodeQuoteSignedPart(
  header: Pick<QuoteHeader, "qeSvn" | "pceSvn" | "userData">,
  reportBody: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encodeFixed(SIGNED_BYTES, "quote header", (out) => {
    out.writeUInt16LE(3, 0);
    out.writeUInt16LE(2, 2);
    out.writeUInt16LE(header.qeSvn, 8);
    out.writeUInt16LE(header.pceSvn, 10);
    out.write(INTEL_VENDOR_ID, 12, "hex");
    putBytes(out, 28, header.userData, 20, "user data");
    putBytes(out, HEADER_BYTES, reportBody, REPORT_BODY_BYTES, "report body");
  });
}

/** @throws ERR_SGX_SIZE for a part of another size. */
export function encodeQuoteV3(parts: QuoteParts): Uint8Array<ArrayBuffer> {
  const { qeAuthData, certificationData } = parts;
  const authBytes = FIXED_AUTH_BYTES + qeAuthData.length + certificationData.data.length;
  return encodeFixed(SIGNED_BYTES + 4 + authBytes, "quote", (out) => {
    putBytes(out, 0, parts.signedBytes, SIGNED_BYTES, "signed part of the quote");
    out.writeUInt32LE(authBytes, SIGNED_BYTES);
    const auth = out.subarray(SIGNED_BYTES + 4);
    putBytes(auth, 0, parts.signature, 64, "quote signature");
    putBytes(auth, 64, parts.attestationKey, 64, "attestation key");
    putBytes(auth, 128, parts.qeReportBytes, REPORT_BODY_BYTES, "QE report");
    putBytes(auth, 512, parts.qeReportSignature, 64, "QE report signature");
    auth.writeUInt16LE(qeAuthData.length, 576);
    auth.set(qeAuthData, 578);
    const certification = auth.subarray(578 + qeAuthData.length);
    certification.writeUInt16LE(certificationData.type, 0);
    certification.writeUInt32LE(certificationData.data.length, 2);
    certification.set(certificationData.data, 6);
  });
}

function malformed(rule: string): InclavareError {
  return new InclavareError("ERR_QUOTE_FORMAT", `the quote ${rule}`);
}
