/** ECDSA with P-256 and SHA-256, in the raw forms of Intel's quotes and collateral. */
import { type KeyObject, verify } from "node:crypto";
import { type ErrorCode } from "@inclavare/errors";
import { readPublicKey } from "@inclavare/x509";
import { CheckFailure } from "../check.ts";

/** DER SubjectPublicKeyInfo of a P-256 key up to and including the 04 of its uncompressed point. */
const SPKI_PREFIX = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");
const POINT_BYTES = 64;
const SIGNATURE_BYTES = 64;
const INTEGER_BYTES = 32;
/** With its tag, its length, and a zero for the sign. */
const MOST_INTEGER_BYTES = INTEGER_BYTES + 3;

/**
 * @param point X then Y, 32 bytes each, big-endian.
 * @throws CheckFailure with the given code where that is no point of the curve
 */
export function p256PublicKey(point: Uint8Array, code: ErrorCode, what: string): KeyObject {
  if (point.length !== POINT_BYTES) throw new CheckFailure(code, `${what} has ${point.length} bytes, expected 64`);
  try {
    return readPublicKey(Buffer.concat([SPKI_PREFIX, point]), what);
  } catch (cause) {
    throw new CheckFailure(code, `${what} is no point of the curve P-256`, { cause });
  }
}

/** @param signature r then s, 32 bytes each, big-endian. */
export function verifyP256(key: KeyObject, signed: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  return verify("sha256", signed, key, derSignature(signature));
}

/** SEQUENCE { INTEGER r, INTEGER s }: OpenSSL verifies this form in two thirds of the time that the raw one takes. */
function derSignature(signature: Uint8Array): Uint8Array {
  const der = new Uint8Array(2 + 2 * MOST_INTEGER_BYTES);
  const middle = putInteger(der, 2, signature.subarray(0, INTEGER_BYTES));
  const end = putInteger(der, middle, signature.subarray(INTEGER_BYTES));
  der[0] = 0x30;
  der[1] = end - 2;
  return der.subarray(0, end);
}

/** The shortest form of a non-negative integer: no needless zeros, and one where the first bit would be a sign. */
function putInteger(out: Uint8Array, at: number, bytes: Uint8Array): number {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const sign = (bytes[start] ?? 0) >= 0x80 ? 1 : 0;
  out[at] = 0x02;
  out[at + 1] = bytes.length - start + sign;
  out.set(bytes.subarray(start), at + 2 + sign);
  return at + 2 + bytes.length - start + sign;
}
