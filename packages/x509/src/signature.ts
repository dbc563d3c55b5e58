/** Signature algorithms of certificates and CRLs: reading their identifiers, checking and making signatures. */
import { constants, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { type DerNode, TAG } from "./der.ts";
import { expectTag, isContext, readOid, readSmallInteger } from "./der-values.ts";
import { type Der, derOid, derSequence } from "./der-write.ts";

export type SignatureAlgorithm =
  | "ecdsa-sha256"
  | "ecdsa-sha384"
  | "rsa-sha256"
  | "rsa-sha384"
  | "rsa-pss-sha256"
  | "rsa-pss-sha384";

const ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = {
  "1.2.840.10045.4.3.2": "ecdsa-sha256",
  "1.2.840.10045.4.3.3": "ecdsa-sha384",
  "1.2.840.113549.1.1.11": "rsa-sha256",
  "1.2.840.113549.1.1.12": "rsa-sha384",
};
const RSASSA_PSS = "1.2.840.113549.1.1.10";
const HASHES: Readonly<Record<string, "sha256" | "sha384">> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
};
const MGF1 = "1.2.840.113549.1.1.8";

export function readSignatureAlgorithm(node: DerNode | undefined, what: string): SignatureAlgorithm {
  const [identifier, parameters] = expectTag(node, "sequence", `${what} signature algorithm`).children;
  const oid = readOid(identifier, `${what} signature algorithm`);
  const known = oid === RSASSA_PSS ? readPss(parameters, what) : ALGORITHMS[oid];
  if (known === undefined)
    throw new InclavareError("ERR_X509_ALGORITHM", `${what} is signed with ${oid}, which is not supported`);
  return known;
}

/** RFC 4055: hash, mask generation over the same hash, salt as long as the hash, trailer 1. */
function readPss(parameters: DerNode | undefined, what: string): SignatureAlgorithm | undefined {
  const fields = expectTag(parameters, "sequence", `${what} PSS parameters`).children;
  const hash = pssHash(fields.find((field) => isContext(field, 0))?.children[0], what);
  const mask = fields.find((field) => isContext(field, 1))?.children[0]?.children ?? [];
  const salt = readSmallInteger(
    fields.find((field) => isContext(field, 2))?.children[0],
    512,
    `${what} PSS salt length`,
  );
  const consistent =
    readOid(mask[0], `${what} PSS mask`) === MGF1 &&
    pssHash(mask[1], what) === hash &&
    salt === (hash === "sha256" ? 32 : 48);
  return consistent && hash !== undefined ? `rsa-pss-${hash}` : undefined;
}

function pssHash(node: DerNode | undefined, what: string): "sha256" | "sha384" | undefined {
  return HASHES[readOid(expectTag(node, "sequence", `${what} PSS hash`).children[0], `${what} PSS hash`)];
}

/** False for a wrong signature and for a key of another kind; never throws for what a peer sent. */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  signed: Uint8Array,
  key: KeyObject,
  signature: Uint8Array,
): boolean {
  const [kind, hash] = algorithm.startsWith("ecdsa")
    ? (["ec", algorithm.slice(6)] as const)
    : (["rsa", algorithm.slice(-6)] as const);
  if (key.asymmetricKeyType !== kind) return false;
  try {
    // Node takes a fifth longer for a key with options than for the key alone, whose defaults are what is wanted here.
    if (!algorithm.startsWith("rsa-pss")) return verify(hash, signed, key, signature);
    const saltLength = hash === "sha256" ? 32 : 48;
    return verify(hash, signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
  } catch {
    return false;
  }
}

/** Signs with P-256 and SHA-256 or P-384 and SHA-384, which is all that we issue. */
export function ecdsaSigner(key: KeyObject): { readonly identifier: Der; sign(bytes: Uint8Array): Uint8Array } {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const hash = curve === "prime256v1" ? "sha256" : curve === "secp384r1" ? "sha384" : undefined;
  if (hash === undefined)
    throw new InclavareError(
      "ERR_X509_ALGORITHM",
      `a signing key is on ${curve ?? "no curve"}, expected P-256 or P-384`,
    );
  const identifier = derSequence(derOid(hash === "sha256" ? "1.2.840.10045.4.3.2" : "1.2.840.10045.4.3.3"));
  return { identifier, sign: (bytes) => sign(hash, bytes, { key, dsaEncoding: "der" }) };
}

/** What a public key is, as its SubjectPublicKeyInfo names it (RFC 5480, section 2; RFC 8017, appendix A.1). */
export type KeyKind = "P-256" | "P-384" | "P-521" | "RSA" | "another";

const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
const CURVES: Readonly<Record<string, KeyKind>> = {
  "1.2.840.10045.3.1.7": "P-256",
  "1.3.132.0.34": "P-384",
  "1.3.132.0.35": "P-521",
};

/** Read from the encoding: to ask OpenSSL for the details of a key takes as long as half a signature. */
export function readKeyKind(spki: DerNode, what: string): KeyKind {
  const [algorithm, parameters] = expectTag(spki.children[0], "sequence", `${what} key algorithm`).children;
  const oid = readOid(algorithm, `${what} key algorithm`);
  if (oid === RSA_ENCRYPTION) return "RSA";
  const isNamed = oid === EC_PUBLIC_KEY && parameters?.class === "universal" && parameters.tag === TAG.oid;
  return isNamed ? (CURVES[readOid(parameters, `${what} curve`)] ?? "another") : "another";
}

/** Keys that were read, by their base64: to make one takes a third of a signature, and few issuers sign for many. */
const KEYS = new Map<string, KeyObject>();
const MOST_KEYS = 256;

/**
 * A key from its DER SubjectPublicKeyInfo; the same bytes give the same object while it is kept. It goes to OpenSSL as
 * PEM: Node takes two and a half times as long for an object, of which it first tries whether it is a key already.
 * @throws ERR_X509_KEY, also for a point off its curve
 */
export function readPublicKey(spki: Uint8Array, what: string): KeyObject {
  const base64 = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString("base64");
  const found = KEYS.get(base64);
  if (found !== undefined) return found;
  try {
    const key = createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`);
    if (KEYS.size >= MOST_KEYS) for (const oldest of [...KEYS.keys()].slice(0, MOST_KEYS / 2)) KEYS.delete(oldest);
    KEYS.set(base64, key);
    return key;
  } catch (cause) {
    throw new InclavareError("ERR_X509_KEY", `${what} has a public key that cannot be read`, { cause });
  }
}
