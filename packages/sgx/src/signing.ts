/**
 * Signing an enclave, in three steps that may happen on three machines: generate the signing material, sign it, cascade
 * the signature into the SIGSTRUCT. The key need never be where the enclave is built or run.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { ATTRIBUTE_FLAG, type Attributes, XFRM_LEGACY } from "./attributes.ts";
import { bigFromLittleEndian, littleEndian } from "./bytes.ts";
import {
  encodeSigstruct,
  encodeSigstructDate,
  mrSignerOf,
  RSA_BYTES,
  type Sigstruct,
  type SigstructBody,
  sigstructMessage,
} from "./sigstruct.ts";

const MODULUS_BITS = 8 * RSA_BYTES;
const EXPONENT = 3;
const ZEROS = new Uint8Array(RSA_BYTES);

/** What a signer decides; the rest of SIGSTRUCT follows from it. */
export interface SigningFields {
  readonly mrEnclave: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly date: Date;
  /** Whether the enclave may be debugged; left out: no. The default mask enforces it: a production signature launches no debug enclave. */
  readonly debug?: boolean;
  /** Left out: 64-bit mode with the legacy XFRM, and what `debug` and `provisionKey` say. */
  readonly attributes?: Attributes;
  /** Left out: everything is enforced but INIT, which EINIT sets itself. */
  readonly attributesMask?: Attributes;
  /** Left out: 0. */
  readonly miscSelect?: number;
  /** Left out: everything is enforced. */
  readonly miscMask?: number;
  /** Left out: 0. */
  readonly vendor?: number;
  /** Whether the enclave may derive provisioning keys; left out: no. */
  readonly provisionKey?: boolean;
}

/** The key pair for {@link SigstructBody}: RSA-3072 with exponent 3, as the architecture demands. */
export function generateSigningKey(): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength: MODULUS_BITS, publicExponent: EXPONENT }).privateKey;
}

/** @throws ERR_SGX_SIGNING_KEY for any other kind of key. */
export function expectSigningKey(key: KeyObject): KeyObject {
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== "rsa" || modulusLength !== MODULUS_BITS || publicExponent !== BigInt(EXPONENT)) {
    const found = `${key.asymmetricKeyType ?? key.type} ${modulusLength ?? ""} e=${publicExponent ?? "?"}`;
    throw new InclavareError("ERR_SGX_SIGNING_KEY", `the signing key is ${found}, expected RSA-3072 with exponent 3`);
  }
  return key;
}

/** Everything that is signed; a body that is whole already comes back as it is. */
export function sigstructBody(fields: SigningFields | SigstructBody): SigstructBody {
  if (isBody(fields)) return fields;
  const debug = fields.debug === true ? ATTRIBUTE_FLAG.debug : 0n;
  const provisionKey = fields.provisionKey === true ? ATTRIBUTE_FLAG.provisionKey : 0n;
  return {
    vendor: fields.vendor ?? 0,
    date: encodeSigstructDate(fields.date),
    swDefined: 0,
    miscSelect: fields.miscSelect ?? 0,
    miscMask: fields.miscMask ?? 0xffff_ffff,
    cetAttributes: 0,
    cetAttributesMask: 0xff,
    isvFamilyId: new Uint8Array(16),
    attributes: fields.attributes ?? {
      flags: ATTRIBUTE_FLAG.mode64Bit | debug | provisionKey,
      xfrm: XFRM_LEGACY,
    },
    attributesMask: fields.attributesMask ?? ENFORCED,
    mrEnclave: fields.mrEnclave,
    isvExtProdId: new Uint8Array(16),
    isvProdId: fields.isvProdId,
    isvSvn: fields.isvSvn,
  };
}

function isBody(fields: SigningFields | SigstructBody): fields is SigstructBody {
  return typeof fields.date === "number";
}

/** Every flag but INIT, which EINIT sets itself; every XFRM bit. */
const ENFORCED: Attributes = { flags: BigInt.asUintN(64, ~ATTRIBUTE_FLAG.init), xfrm: BigInt.asUintN(64, -1n) };

/** The 256 bytes to sign with RSASSA-PKCS1-v1_5 and SHA-256. */
export function signingMaterial(fields: SigningFields | SigstructBody): Uint8Array<ArrayBuffer> {
  const body = sigstructBody(fields);
  return sigstructMessage(
    encodeSigstruct({ ...body, modulus: ZEROS, exponent: EXPONENT, signature: ZEROS, q1: ZEROS, q2: ZEROS }),
  );
}

/** Signs the material. @returns 384 bytes, big-endian, as every RSA tool gives them. */
export function signMaterial(material: Uint8Array, key: KeyObject): Uint8Array {
  return sign("sha256", material, expectSigningKey(key));
}

/**
 * Puts a signature into the SIGSTRUCT, with Q1 and Q2.
 * @param signature 384 bytes, big-endian.
 * @throws ERR_SGX_INVALID_SIGNATURE when it is not of this key over this material.
 */
export function cascadeSignature(
  fields: SigningFields | SigstructBody,
  publicKey: KeyObject,
  signature: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const body = sigstructBody(fields);
  const key = expectSigningKey(publicKey.type === "private" ? createPublicKey(publicKey) : publicKey);
  if (!verify("sha256", signingMaterial(body), key, signature)) {
    throw new InclavareError(
      "ERR_SGX_INVALID_SIGNATURE",
      "the signature is not of this key over this enclave's signing material",
    );
  }
  const modulus = Buffer.from(key.export({ format: "jwk" }).n ?? "", "base64url").reverse();
  const little = Uint8Array.from(signature).reverse();
  return encodeSigstruct({ ...body, modulus, exponent: EXPONENT, signature: little, ...quotients(modulus, little) });
}

/** All three steps at once, where the key is at hand. */
export function createSigstruct(fields: SigningFields | SigstructBody, key: KeyObject): Uint8Array<ArrayBuffer> {
  const body = sigstructBody(fields);
  return cascadeSignature(body, key, signMaterial(signingMaterial(body), key));
}

/** Q1 = floor(S² / n), Q2 = floor((S³ − Q1·S·n) / n); everything little-endian. */
export function quotients(
  modulus: Uint8Array,
  signature: Uint8Array,
): { q1: Uint8Array<ArrayBuffer>; q2: Uint8Array<ArrayBuffer> } {
  const n = bigFromLittleEndian(modulus);
  const s = bigFromLittleEndian(signature);
  const square = s * s;
  return { q1: littleEndian(square / n, RSA_BYTES), q2: littleEndian(((square % n) * s) / n, RSA_BYTES) };
}

/**
 * Whether signature, Q1 and Q2 hold, as EINIT checks them. The key is the SIGSTRUCT's own; whose it is, MRSIGNER says.
 * @param encoded its 1808 bytes; left out: they are encoded again, which gives the same.
 */
export function verifySigstruct(sigstruct: Sigstruct, encoded: Uint8Array = encodeSigstruct(sigstruct)): boolean {
  const { modulus, signature } = sigstruct;
  if (
    bigFromLittleEndian(modulus) >> BigInt(MODULUS_BITS - 1) !== 1n ||
    bigFromLittleEndian(signature) >= bigFromLittleEndian(modulus)
  )
    return false;
  const { q1, q2 } = quotients(modulus, signature);
  if (Buffer.compare(q1, sigstruct.q1) !== 0 || Buffer.compare(q2, sigstruct.q2) !== 0) return false;
  const jwk = {
    kty: "RSA",
    n: Buffer.from(modulus).reverse().toString("base64url"),
    e: Buffer.of(EXPONENT).toString("base64url"),
  };
  const message = sigstructMessage(encoded);
  try {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    return verify("sha256", message, key, Uint8Array.from(signature).reverse());
  } catch {
    // A modulus that no RSA key has.
    return false;
  }
}

/** MRSIGNER of whoever holds this key. */
export function mrSigner(key: KeyObject): Uint8Array<ArrayBuffer> {
  const publicKey = expectSigningKey(key.type === "private" ? createPublicKey(key) : key);
  return mrSignerOf(Buffer.from(publicKey.export({ format: "jwk" }).n ?? "", "base64url").reverse());
}
