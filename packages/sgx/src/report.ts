/** REPORT, TARGETINFO and KEYREQUEST (Intel SDM volume 3D), and the report body that quotes embed. */
import { timingSafeEqual } from "node:crypto";
import { ATTRIBUTE_FLAG, type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { copyOf, encodeFixed, expectSize, expectZeros, putBytes } from "./bytes.ts";
import { aesCmac } from "./cmac.ts";

export const REPORT_BODY_BYTES = 384;
export const REPORT_BYTES = 432;
export const TARGET_INFO_BYTES = 512;
export const KEY_REQUEST_BYTES = 512;
export const REPORT_DATA_BYTES = 64;
const TARGET_INFO_RESERVED = [
  [49, 50],
  [56, 64],
  [128, 512],
] as const;
const KEY_REQUEST_RESERVED = [
  [6, 8],
  [78, 512],
] as const;

/** What a report says of an enclave: the first 384 bytes, which the MAC covers. */
export interface EnclaveReport {
  readonly cpuSvn: Uint8Array;
  readonly miscSelect: number;
  readonly cetAttributes: number;
  readonly isvExtProdId: Uint8Array;
  readonly attributes: Attributes;
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly configId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  readonly isvFamilyId: Uint8Array;
  readonly reportData: Uint8Array;
}

/** For whom a report is made: only this enclave can derive the key that checks its MAC. */
export interface TargetInfo {
  readonly mrEnclave: Uint8Array;
  readonly attributes: Attributes;
  readonly cetAttributes: number;
  readonly configSvn: number;
  readonly miscSelect: number;
  readonly configId: Uint8Array;
}

export const KEY_NAME = { einitToken: 0, provision: 1, provisionSeal: 2, report: 3, seal: 4 } as const;
export const KEY_POLICY = {
  mrEnclave: 1,
  mrSigner: 2,
  noIsvProdId: 4,
  configId: 8,
  isvFamilyId: 16,
  isvExtProdId: 32,
} as const;

export interface KeyRequest {
  readonly keyName: number;
  readonly keyPolicy: number;
  readonly isvSvn: number;
  readonly cpuSvn: Uint8Array;
  readonly attributeMask: Attributes;
  readonly keyId: Uint8Array;
  readonly miscMask: number;
  readonly configSvn: number;
}

export function encodeReportBody(r: EnclaveReport): Uint8Array<ArrayBuffer> {
  return encodeFixed(REPORT_BODY_BYTES, "report body", (out) => {
    putBytes(out, 0, r.cpuSvn, 16, "CPUSVN");
    out.writeUInt32LE(r.miscSelect, 16);
    out.writeUInt8(r.cetAttributes, 20);
    putBytes(out, 32, r.isvExtProdId, 16, "ISVEXTPRODID");
    writeAttributes(out, 48, r.attributes);
    putBytes(out, 64, r.mrEnclave, 32, "MRENCLAVE");
    putBytes(out, 128, r.mrSigner, 32, "MRSIGNER");
    putBytes(out, 192, r.configId, 64, "CONFIGID");
    out.writeUInt16LE(r.isvProdId, 256);
    out.writeUInt16LE(r.isvSvn, 258);
    out.writeUInt16LE(r.configSvn, 260);
    putBytes(out, 304, r.isvFamilyId, 16, "ISVFAMILYID");
    putBytes(out, 320, r.reportData, REPORT_DATA_BYTES, "REPORTDATA");
  });
}

/** @param bytes exactly 384 bytes. Reserved fields are not looked at: newer CPUs may use them. */
export function decodeReportBody(bytes: Uint8Array): EnclaveReport {
  const b = expectSize(bytes, REPORT_BODY_BYTES, "report body");
  return {
    cpuSvn: copyOf(b, 0, 16),
    miscSelect: b.readUInt32LE(16),
    cetAttributes: b.readUInt8(20),
    isvExtProdId: copyOf(b, 32, 48),
    attributes: readAttributes(b, 48),
    mrEnclave: copyOf(b, 64, 96),
    mrSigner: copyOf(b, 128, 160),
    configId: copyOf(b, 192, 256),
    isvProdId: b.readUInt16LE(256),
    isvSvn: b.readUInt16LE(258),
    configSvn: b.readUInt16LE(260),
    isvFamilyId: copyOf(b, 304, 320),
    reportData: copyOf(b, 320, 384),
  };
}

export function isDebug(report: EnclaveReport): boolean {
  return (report.attributes.flags & ATTRIBUTE_FLAG.debug) !== 0n;
}

/** AES-CMAC over the 384 bytes of the body; KEYID and MAC follow them in the 432-byte REPORT. */
export function computeReportMac(reportKey: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return aesCmac(reportKey, expectSize(body, REPORT_BODY_BYTES, "report body"));
}

export interface Report {
  readonly body: Uint8Array;
  readonly keyId: Uint8Array;
  readonly mac: Uint8Array;
}

export function encodeReport({ body, keyId, mac }: Report): Uint8Array<ArrayBuffer> {
  const out = Buffer.alloc(REPORT_BYTES);
  putBytes(out, 0, body, REPORT_BODY_BYTES, "report body");
  putBytes(out, 384, keyId, 32, "KEYID");
  putBytes(out, 416, mac, 16, "MAC");
  return Uint8Array.from(out);
}

export function decodeReport(bytes: Uint8Array): Report {
  const b = expectSize(bytes, REPORT_BYTES, "REPORT");
  return { body: copyOf(b, 0, 384), keyId: copyOf(b, 384, 416), mac: copyOf(b, 416, 432) };
}

/** In constant time. */
export function verifyReportMac(reportKey: Uint8Array, { body, mac }: Report): boolean {
  return timingSafeEqual(computeReportMac(reportKey, body), mac);
}

export function encodeTargetInfo(t: TargetInfo): Uint8Array<ArrayBuffer> {
  return encodeFixed(TARGET_INFO_BYTES, "TARGETINFO", (out) => {
    putBytes(out, 0, t.mrEnclave, 32, "MEASUREMENT");
    writeAttributes(out, 32, t.attributes);
    out.writeUInt8(t.cetAttributes, 48);
    out.writeUInt16LE(t.configSvn, 50);
    out.writeUInt32LE(t.miscSelect, 52);
    putBytes(out, 64, t.configId, 64, "CONFIGID");
  });
}

/** @throws ERR_SGX_SIZE, ERR_SGX_RESERVED as EREPORT would refuse it. */
export function decodeTargetInfo(bytes: Uint8Array): TargetInfo {
  const b = expectSize(bytes, TARGET_INFO_BYTES, "TARGETINFO");
  expectZeros(b, TARGET_INFO_RESERVED, "TARGETINFO");
  return {
    mrEnclave: copyOf(b, 0, 32),
    attributes: readAttributes(b, 32),
    cetAttributes: b.readUInt8(48),
    configSvn: b.readUInt16LE(50),
    miscSelect: b.readUInt32LE(52),
    configId: copyOf(b, 64, 128),
  };
}

export function encodeKeyRequest(k: KeyRequest): Uint8Array<ArrayBuffer> {
  return encodeFixed(KEY_REQUEST_BYTES, "KEYREQUEST", (out) => {
    out.writeUInt16LE(k.keyName, 0);
    out.writeUInt16LE(k.keyPolicy, 2);
    out.writeUInt16LE(k.isvSvn, 4);
    putBytes(out, 8, k.cpuSvn, 16, "CPUSVN");
    writeAttributes(out, 24, k.attributeMask);
    putBytes(out, 40, k.keyId, 32, "KEYID");
    out.writeUInt32LE(k.miscMask, 72);
    out.writeUInt16LE(k.configSvn, 76);
  });
}

/** @throws ERR_SGX_SIZE, ERR_SGX_RESERVED as EGETKEY would refuse it. */
export function decodeKeyRequest(bytes: Uint8Array): KeyRequest {
  const b = expectSize(bytes, KEY_REQUEST_BYTES, "KEYREQUEST");
  expectZeros(b, KEY_REQUEST_RESERVED, "KEYREQUEST");
  return {
    keyName: b.readUInt16LE(0),
    keyPolicy: b.readUInt16LE(2),
    isvSvn: b.readUInt16LE(4),
    cpuSvn: copyOf(b, 8, 24),
    attributeMask: readAttributes(b, 24),
    keyId: copyOf(b, 40, 72),
    miscMask: b.readUInt32LE(72),
    configSvn: b.readUInt16LE(76),
  };
}
