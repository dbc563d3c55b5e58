/** SIGSTRUCT, 1808 bytes (Intel SDM volume 3D, section on SIGSTRUCT): the enclave's signed identity. */
import { createHash } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { copyOf, encodeFixed, expectSize, putBytes } from "./bytes.ts";

export const SIGSTRUCT_BYTES = 1808;
export const RSA_BYTES = 384;
const HEADER = Buffer.from("06000000e10000000000010000000000", "hex");
const HEADER2 = Buffer.from("01010000600000006000000001000000", "hex");
/** What the signature covers: [0, 128) and [900, 1028). */
const SIGNED = [
  [0, 128],
  [900, 1028],
] as const;
const RESERVED = [
  [44, 128],
  [910, 912],
  [992, 1008],
  [1028, 1040],
] as const;

/** What the signer states of the enclave; everything here is signed. */
export interface SigstructBody {
  /** 0, or 0x8086 for Intel's own. */
  readonly vendor: number;
  /** As it is encoded: BCD, 0xYYYYMMDD, by those who follow Intel's tools. The CPU ignores it. */
  readonly date: number;
  readonly swDefined: number;
  readonly miscSelect: number;
  readonly miscMask: number;
  readonly cetAttributes: number;
  readonly cetAttributesMask: number;
  readonly isvFamilyId: Uint8Array;
  readonly attributes: Attributes;
  /** A 1 bit is enforced at launch. */
  readonly attributesMask: Attributes;
  /** The MRENCLAVE that this signature is for: ENCLAVEHASH. */
  readonly mrEnclave: Uint8Array;
  readonly isvExtProdId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
}

/** The signature and what lets a CPU check it by multiplications alone; all numbers are 384 bytes, little-endian. */
export interface SigstructSignature {
  readonly modulus: Uint8Array;
  readonly exponent: number;
  readonly signature: Uint8Array;
  readonly q1: Uint8Array;
  readonly q2: Uint8Array;
}

export type Sigstruct = SigstructBody & SigstructSignature;

export function encodeSigstruct(s: Sigstruct): Uint8Array<ArrayBuffer> {
  return encodeFixed(SIGSTRUCT_BYTES, "SIGSTRUCT", (out) => {
    HEADER.copy(out, 0);
    out.writeUInt32LE(s.vendor, 16);
    out.writeUInt32LE(s.date, 20);
    HEADER2.copy(out, 24);
    out.writeUInt32LE(s.swDefined, 40);
    putBytes(out, 128, s.modulus, RSA_BYTES, "MODULUS");
    out.writeUInt32LE(s.exponent, 512);
    putBytes(out, 516, s.signature, RSA_BYTES, "SIGNATURE");
    out.writeUInt32LE(s.miscSelect, 900);
    out.writeUInt32LE(s.miscMask, 904);
    out.writeUInt8(s.cetAttributes, 908);
    out.writeUInt8(s.cetAttributesMask, 909);
    putBytes(out, 912, s.isvFamilyId, 16, "ISVFAMILYID");
    writeAttributes(out, 928, s.attributes);
    writeAttributes(out, 944, s.attributesMask);
    putBytes(out, 960, s.mrEnclave, 32, "ENCLAVEHASH");
    putBytes(out, 1008, s.isvExtProdId, 16, "ISVEXTPRODID");
    out.writeUInt16LE(s.isvProdId, 1024);
    out.writeUInt16LE(s.isvSvn, 1026);
    putBytes(out, 1040, s.q1, RSA_BYTES, "Q1");
    putBytes(out, 1424, s.q2, RSA_BYTES, "Q2");
  });
}

/** @throws ERR_SGX_SIZE, ERR_SGX_INVALID_SIG_STRUCT where EINIT would refuse the form. The signature is not checked here. */
export function decodeSigstruct(bytes: Uint8Array): Sigstruct {
  const b = expectSize(bytes, SIGSTRUCT_BYTES, "SIGSTRUCT");
  if (!b.subarray(0, 16).equals(HEADER) || !b.subarray(24, 40).equals(HEADER2)) throw malformed("HEADER");
  if (RESERVED.some(([start, end]) => b.subarray(start, end).some((byte) => byte !== 0)))
    throw malformed("a reserved field");
  if (b.readUInt32LE(512) !== 3) throw malformed("EXPONENT");
  return {
    vendor: b.readUInt32LE(16),
    date: b.readUInt32LE(20),
    swDefined: b.readUInt32LE(40),
    modulus: copyOf(b, 128, 512),
    exponent: 3,
    signature: copyOf(b, 516, 900),
    miscSelect: b.readUInt32LE(900),
    miscMask: b.readUInt32LE(904),
    cetAttributes: b.readUInt8(908),
    cetAttributesMask: b.readUInt8(909),
    isvFamilyId: copyOf(b, 912, 928),
    attributes: readAttributes(b, 928),
    attributesMask: readAttributes(b, 944),
    mrEnclave: copyOf(b, 960, 992),
    isvExtProdId: copyOf(b, 1008, 1024),
    isvProdId: b.readUInt16LE(1024),
    isvSvn: b.readUInt16LE(1026),
    q1: copyOf(b, 1040, 1424),
    q2: copyOf(b, 1424, 1808),
  };
}

/** The 256 bytes that the signature covers. */
export function sigstructMessage(encoded: Uint8Array): Uint8Array<ArrayBuffer> {
  const b = expectSize(encoded, SIGSTRUCT_BYTES, "SIGSTRUCT");
  return Uint8Array.from(Buffer.concat(SIGNED.map(([start, end]) => b.subarray(start, end))));
}

/** MRSIGNER: SHA-256 of the modulus as it stands in SIGSTRUCT, little-endian. */
export function mrSignerOf(modulus: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    createHash("sha256")
      .update(expectSize(modulus, RSA_BYTES, "MODULUS"))
      .digest(),
  );
}

/** A date as Intel's tools encode it: BCD, 0xYYYYMMDD. */
export function encodeSigstructDate(date: Date): number {
  return Number.parseInt(date.toISOString().slice(0, 10).replaceAll("-", ""), 16);
}

function malformed(field: string): InclavareError {
  return new InclavareError("ERR_SGX_INVALID_SIG_STRUCT", `SIGSTRUCT ${field} is not what the architecture demands`);
}
