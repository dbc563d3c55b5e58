/**
 * ECDSA quotes of versions 3, 4 and 5: header, report body, signature data.
 * @see Intel SGX ECDSA QuoteLibReference, appendix A.4; Intel TDX DCAP Quoting Library API, appendix A.3
 */
import { InclavareError } from "@inclavare/errors";
import { copyOf } from "./bytes.ts";
import { decodeReportBody, type EnclaveReport, REPORT_BODY_BYTES } from "./report.ts";

const HEADER_BYTES = 48;
const TD_REPORT_10_BYTES = 584;
const TD_REPORT_15_BYTES = 648;
/** The smallest quote that can be: version 3, no QE authentication data, no certification data. */
const LEAST_BYTES = 1020;
const MOST_BYTES = 1 << 20;
export const INTEL_VENDOR_ID = "939a7233f79c4ca9940a0db3957f0607";
const TEE_TYPES: ReadonlyMap<number, QuoteTee> = new Map([
  [0x00, "sgx"],
  [0x81, "tdx"],
]);
/** Version 5 says what its body is; there, SGX and TDX bodies go with their own TEE type only. */
const BODY_TYPES: ReadonlyMap<number, QuoteBodyType> = new Map([
  [1, "enclave-report"],
  [2, "td-report-1.0"],
  [3, "td-report-1.5"],
]);
const BODY_BYTES: Readonly<Record<QuoteBodyType, number>> = {
  "enclave-report": REPORT_BODY_BYTES,
  "td-report-1.0": TD_REPORT_10_BYTES,
  "td-report-1.5": TD_REPORT_15_BYTES,
};
const QE_REPORT_CERTIFICATION = 6;

export type QuoteTee = "sgx" | "tdx";
export type QuoteBodyType = "enclave-report" | "td-report-1.0" | "td-report-1.5";

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

/** What vouches for the body: the same in every version, though laid out otherwise. */
export interface QuoteSignatureData {
  /** r and s, 32 bytes each, big-endian. */
  readonly signature: Uint8Array;
  /** X and Y, 32 bytes each, big-endian. */
  readonly attestationKey: Uint8Array;
  /** The quoting enclave's report as it was signed: 384 bytes. */
  readonly qeReportBytes: Uint8Array;
  readonly qeReport: EnclaveReport;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  /** Of versions 4 and 5: what is inside their certification data of type 6. */
  readonly certificationData: CertificationData;
}

/** A quote of any TEE, whose body is still bytes. */
export interface QuoteEnvelope extends QuoteSignatureData {
  readonly header: QuoteHeader;
  readonly tee: QuoteTee;
  readonly bodyType: QuoteBodyType;
  /** 384, 584 or 648 bytes. */
  readonly body: Uint8Array;
  /** Header, descriptor of the body (version 5), and body. */
  readonly signedBytes: Uint8Array;
}

/** A quote of an SGX enclave. */
export interface Quote extends QuoteEnvelope {
  readonly reportBody: EnclaveReport;
}

/** Only this much is needed to know what a quote is. @throws ERR_QUOTE_FORMAT */
export function decodeQuoteHeader(bytes: Uint8Array): QuoteHeader & { readonly tee: QuoteTee | undefined } {
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
    tee: TEE_TYPES.get(teeType),
  };
}

/**
 * Decodes a quote of SGX or TDX. Bytes behind the signature data are padding of some quote providers and are ignored.
 * @throws ERR_QUOTE_VERSION for a version and TEE that do not go together, ERR_QUOTE_FORMAT for everything else.
 */
export function decodeQuoteEnvelope(bytes: Uint8Array): QuoteEnvelope {
  if (bytes.length > MOST_BYTES) throw malformed(`has ${bytes.length} bytes, at most ${MOST_BYTES} are read`);
  const { tee, ...header } = decodeQuoteHeader(bytes);
  const exists = header.version === 3 ? tee === "sgx" : header.version === 4 || header.version === 5;
  if (!exists || tee === undefined) {
    const found = `version ${header.version}, TEE type 0x${header.teeType.toString(16)}`;
    throw new InclavareError(
      "ERR_QUOTE_VERSION",
      `the quote is of ${found}; version 3 for SGX, 4 and 5 for SGX and TDX are read`,
    );
  }
  if (header.attestationKeyType !== 2)
    throw malformed(`has attestation key type ${header.attestationKeyType}, expected 2 (ECDSA P-256)`);
  const vendor = Buffer.from(header.qeVendorId).toString("hex");
  if (vendor !== INTEL_VENDOR_ID) throw malformed(`names QE vendor ${vendor}, expected ${INTEL_VENDOR_ID}`);
  if (bytes.length < LEAST_BYTES) throw malformed(`has ${bytes.length} bytes, expected at least ${LEAST_BYTES}`);
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const { bodyType, start, end } = locateBody(b, header.version, tee);
  const authBytes = b.readUInt32LE(checked(b, end, 4, "size of the signature data"));
  const auth = b.subarray(end + 4);
  if (authBytes > auth.length)
    throw malformed(`declares ${authBytes} bytes of signature data, ${auth.length} are there`);
  return {
    header,
    tee,
    bodyType,
    body: copyOf(b, start, end),
    signedBytes: copyOf(b, 0, end),
    ...decodeSignatureData(auth.subarray(0, authBytes), header.version),
  };
}

/** Decodes a quote of an SGX enclave. @throws ERR_QUOTE_VERSION also for TDX, ERR_QUOTE_FORMAT */
export function decodeQuote(bytes: Uint8Array): Quote {
  const envelope = decodeQuoteEnvelope(bytes);
  if (envelope.bodyType !== "enclave-report") {
    throw new InclavareError(
      "ERR_QUOTE_VERSION",
      `the quote is of TDX, version ${envelope.header.version}, not of SGX`,
    );
  }
  return { ...envelope, reportBody: decodeReportBody(envelope.body) };
}

interface BodyPlace {
  readonly bodyType: QuoteBodyType;
  readonly start: number;
  readonly end: number;
}

function locateBody(b: Buffer, version: number, tee: QuoteTee): BodyPlace {
  if (version < 5) {
    const bodyType = tee === "sgx" ? "enclave-report" : "td-report-1.0";
    const end = checked(b, HEADER_BYTES + BODY_BYTES[bodyType], 0, "report body");
    return { bodyType, start: HEADER_BYTES, end };
  }
  const number = b.readUInt16LE(HEADER_BYTES);
  const sizeBytes = b.readUInt32LE(HEADER_BYTES + 2);
  const bodyType = BODY_TYPES.get(number);
  if (bodyType === undefined || (bodyType === "enclave-report") !== (tee === "sgx"))
    throw malformed(`of ${tee.toUpperCase()} has body type ${number}, expected ${tee === "sgx" ? "1" : "2 or 3"}`);
  if (sizeBytes !== BODY_BYTES[bodyType])
    throw malformed(`has a body of ${sizeBytes} bytes, expected ${BODY_BYTES[bodyType]} for type ${number}`);
  const start = HEADER_BYTES + 6;
  return { bodyType, start, end: checked(b, start + sizeBytes, 0, "report body") };
}

/** Signature and key, then the QE report with its certification: inline in version 3, wrapped as type 6 later. */
function decodeSignatureData(b: Buffer, version: number): QuoteSignatureData {
  checked(b, 0, 128, "signature and attestation key");
  const signed = { signature: copyOf(b, 0, 64), attestationKey: copyOf(b, 64, 128) };
  if (version === 3) return { ...signed, ...decodeQeCertification(b.subarray(128)) };
  const { type, data } = decodeCertificationData(b.subarray(128));
  if (type !== QE_REPORT_CERTIFICATION)
    throw malformed(`of version ${version} has certification data of type ${type}, expected 6`);
  return { ...signed, ...decodeQeCertification(data) };
}

function decodeQeCertification(b: Uint8Array): Omit<QuoteSignatureData, "signature" | "attestationKey"> {
  const view = Buffer.from(b.buffer, b.byteOffset, b.length);
  const authEnd = 450 + view.readUInt16LE(checked(b, 448, 2, "size of the QE authentication data"));
  checked(b, authEnd, 0, "QE authentication data");
  return {
    qeReportBytes: copyOf(b, 0, 384),
    qeReport: decodeReportBody(b.subarray(0, 384)),
    qeReportSignature: copyOf(b, 384, 448),
    qeAuthData: copyOf(b, 450, authEnd),
    certificationData: decodeCertificationData(view.subarray(authEnd)),
  };
}

/** Bytes behind it are ignored, as those behind the signature data are: nothing is signed here but by its own keys. */
function decodeCertificationData(b: Buffer): CertificationData {
  checked(b, 0, 6, "certification data header");
  const size = b.readUInt32LE(2);
  checked(b, 6, size, "certification data");
  return { type: b.readUInt16LE(0), data: copyOf(b, 6, 6 + size) };
}

function checked(b: Uint8Array, offset: number, sizeBytes: number, what: string): number {
  if (offset + sizeBytes <= b.length) return offset;
  throw malformed(`ends inside the ${what}`);
}

function malformed(rule: string): InclavareError {
  return new InclavareError("ERR_QUOTE_FORMAT", `the quote ${rule}`);
}
