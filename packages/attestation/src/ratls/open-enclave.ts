/**
 * What Open Enclave and EGo put into certificates: a quote behind a header of their own, and, in the newer form, the
 * claims that its report data is the hash of. @see openenclave, internal/report.h and common/attest_plugin.h
 */
import type { Certificate } from "@inclavare/x509";
import { CheckFailure, failCheck } from "../check.ts";

/** A quote, and what the hash in its report data may be of. */
export interface OpenEnclaveEvidence {
  readonly quote: Uint8Array;
  readonly boundTo: readonly Uint8Array[];
}

const CODE = "ERR_EVIDENCE_FORMAT";
/** Version, type and size of a report. */
const REPORT_HEADER_BYTES = 16;
const REPORT_VERSION = 1;
const REMOTE_REPORT = 2;
/** Version, UUID of the format, four bytes of padding, size of what follows. */
const EVIDENCE_HEADER_BYTES = 32;
const EVIDENCE_VERSIONS = { withReportHeader: 2, current: 3 } as const;
const SGX_ECDSA_FORMAT = "a3a21e871b4d4014b70aa125d2fbcd8c";
/** Header and body of a version 3 quote, and the length of its signature data. */
const QUOTE_FIXED_BYTES = 48 + 384;
const CLAIMS_HEADER_BYTES = 16;
const MOST_CLAIMS = 64;

/** @throws CheckFailure ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for a local report */
export function decodeOpenEnclaveReport(bytes: Uint8Array, certificate: Certificate): OpenEnclaveEvidence {
  return { quote: withoutReportHeader(bytes), boundTo: encodingsOf(certificate) };
}

/**
 * @throws CheckFailure ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for another format than SGX ECDSA;
 * ERR_EVIDENCE_UNBOUND where the claims are not about the certificate's key
 */
export function decodeOpenEnclaveEvidence(bytes: Uint8Array, certificate: Certificate): OpenEnclaveEvidence {
  const b = bufferOf(bytes);
  if (b.length < EVIDENCE_HEADER_BYTES) failCheck(CODE, "Open Enclave evidence is shorter than its header");
  const version = b.readUInt32LE(0);
  const { withReportHeader, current } = EVIDENCE_VERSIONS;
  if (version !== current && version !== withReportHeader) {
    failCheck(CODE, "Open Enclave evidence is of an unknown version", "2 or 3", String(version));
  }
  const format = b.toString("hex", 4, 20);
  if (format !== SGX_ECDSA_FORMAT) {
    const message = "Open Enclave evidence is of another format than SGX ECDSA";
    failCheck("ERR_EVIDENCE_UNSUPPORTED", message, SGX_ECDSA_FORMAT, format);
  }
  const data = sized(b, EVIDENCE_HEADER_BYTES, b.readBigUInt64LE(24));
  const [head, rest] = version === current ? [data, undefined] : splitReport(data);
  const quoteBytes = rest === undefined ? quoteLength(head) : head.length;
  const claims = rest ?? data.subarray(quoteBytes);
  if (!claimValues(claims).some((value) => encodingsOf(certificate).some((key) => Buffer.compare(key, value) === 0))) {
    throw new CheckFailure("ERR_EVIDENCE_UNBOUND", "the claims of the Open Enclave evidence hold another key");
  }
  return { quote: head.subarray(0, quoteBytes), boundTo: [claims] };
}

function withoutReportHeader(bytes: Uint8Array): Uint8Array {
  const [quote, rest] = splitReport(bufferOf(bytes));
  if (rest.length > 0) failCheck(CODE, `${rest.length} bytes follow the Open Enclave report`);
  return quote;
}

function splitReport(b: Buffer): readonly [Buffer, Buffer] {
  if (b.length < REPORT_HEADER_BYTES) failCheck(CODE, "Open Enclave report is shorter than its header");
  const version = b.readUInt32LE(0);
  if (version !== REPORT_VERSION) {
    failCheck(CODE, "Open Enclave report is of an unknown version", String(REPORT_VERSION), String(version));
  }
  if (b.readUInt32LE(4) !== REMOTE_REPORT) {
    failCheck("ERR_EVIDENCE_UNSUPPORTED", "the Open Enclave report is local: only the CPU that made it can check it");
  }
  const size = b.readBigUInt64LE(8);
  const report = sized(b, REPORT_HEADER_BYTES, size, true);
  return [report, b.subarray(REPORT_HEADER_BYTES + report.length)];
}

function sized(b: Buffer, start: number, size: bigint, mayFollow = false): Buffer {
  const rest = BigInt(b.length - start);
  if (size > rest || (!mayFollow && size !== rest)) {
    failCheck(CODE, "Open Enclave evidence has another size than it says", String(size), String(rest));
  }
  return b.subarray(start, start + Number(size));
}

/** The end of a version 3 quote is where its signature data end; the claims follow at once. */
function quoteLength(b: Buffer): number {
  if (b.length < QUOTE_FIXED_BYTES + 4) failCheck(CODE, "the quote in the Open Enclave evidence is cut off");
  const end = QUOTE_FIXED_BYTES + 4 + b.readUInt32LE(QUOTE_FIXED_BYTES);
  if (end > b.length) failCheck(CODE, "the quote in the Open Enclave evidence is cut off");
  return end;
}

/** The values of a serialised list of claims; what is no such list is one value. */
function claimValues(b: Buffer): Buffer[] {
  const values: Buffer[] = [];
  if (b.length < CLAIMS_HEADER_BYTES || b.readBigUInt64LE(0) !== 1n) return [b];
  const count = b.readBigUInt64LE(8);
  if (count > BigInt(MOST_CLAIMS)) failCheck(CODE, "Open Enclave evidence has too many claims");
  let offset = CLAIMS_HEADER_BYTES;
  for (let index = 0; index < Number(count); index++) {
    if (b.length - offset < 16) failCheck(CODE, "a claim of the Open Enclave evidence is cut off");
    const [nameSize, valueSize] = [b.readBigUInt64LE(offset), b.readBigUInt64LE(offset + 8)];
    if (nameSize + valueSize > BigInt(b.length - offset - 16)) {
      failCheck(CODE, "a claim of the Open Enclave evidence is cut off");
    }
    const start = offset + 16 + Number(nameSize);
    offset = start + Number(valueSize);
    values.push(b.subarray(start, offset));
  }
  if (offset !== b.length) failCheck(CODE, "bytes follow the claims of the Open Enclave evidence");
  return values;
}

/** Open Enclave hashes a key as its PEM text with the zero byte that ends a C string. */
function encodingsOf({ spki, publicKey }: Certificate): Uint8Array[] {
  const pem = publicKey.export({ type: "spki", format: "pem" }) as string;
  return [Buffer.from(`${pem}\0`), Buffer.from(pem), spki];
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
