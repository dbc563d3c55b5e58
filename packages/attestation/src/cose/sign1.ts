/** COSE_Sign1: what Arm's tokens and AWS Nitro documents are signed with. @see RFC 9052, section 4.2; RFC 9053, section 2.1 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { decodeCbor, encodeCbor, untag } from "../cbor.ts";
import { CheckFailure } from "../check.ts";

const CODE = "ERR_EVIDENCE_FORMAT";
const LIMIT_BYTES = 64 * 1024;
const TAG_SIGN1 = 18;
const TAG_MAC0 = 17;
const HEADER_ALGORITHM = 1;
const HEADER_CRITICAL = 2;

const ALGORITHMS = new Map<unknown, CoseAlgorithm>([
  [-7, { name: "ES256", curve: "prime256v1", digest: "sha256", integerBytes: 32 }],
  [-35, { name: "ES384", curve: "secp384r1", digest: "sha384", integerBytes: 48 }],
  [-36, { name: "ES512", curve: "secp521r1", digest: "sha512", integerBytes: 66 }],
]);
/** Uncompressed points by their length, with the curve's name for keys in JWK form. */
const CURVES = [
  { jwk: "P-256", cose: 1, integerBytes: 32 },
  { jwk: "P-384", cose: 2, integerBytes: 48 },
  { jwk: "P-521", cose: 3, integerBytes: 66 },
] as const;
const UNCOMPRESSED = 4;
const COSE_KEY = { type: 1, curve: -1, x: -2, y: -3 } as const;
const KEY_TYPE_EC2 = 2;

interface CoseAlgorithm {
  readonly name: "ES256" | "ES384" | "ES512";
  readonly curve: string;
  readonly digest: string;
  readonly integerBytes: number;
}

/** A signed message; its payload is bytes, and nothing is verified yet. */
export interface CoseSign1 {
  readonly algorithm: CoseAlgorithm;
  /** The protected header as it was signed. */
  readonly protectedBytes: Uint8Array;
  readonly payload: Uint8Array;
  /** r and s, big-endian, as long as the curve. */
  readonly signature: Uint8Array;
}

/**
 * @param what names the input in errors.
 * @throws CheckFailure ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for a MAC and for an unknown algorithm
 */
export function decodeSign1(bytes: Uint8Array, what: string): CoseSign1 {
  const item = decodeCbor(bytes, {
    code: CODE,
    what,
    limitBytes: LIMIT_BYTES,
    tags: [TAG_SIGN1, TAG_MAC0],
    anyForm: true,
  });
  if (untag(item, TAG_MAC0) !== undefined) {
    throw new CheckFailure(
      "ERR_EVIDENCE_UNSUPPORTED",
      `${what} has a MAC: only who holds its secret key can check it`,
      {
        expected: "COSE_Sign1",
        actual: "COSE_Mac0",
      },
    );
  }
  const parts: unknown = untag(item, TAG_SIGN1) ?? item;
  if (!Array.isArray(parts) || parts.length !== 4) throw new InclavareError(CODE, `${what} is no COSE_Sign1`);
  const [protectedBytes, unprotected, payload, signature] = parts as readonly unknown[];
  if (
    !(protectedBytes instanceof Uint8Array) ||
    !(unprotected instanceof Map) ||
    !(payload instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  ) {
    throw new InclavareError(CODE, `${what} is no COSE_Sign1 with its payload inside`);
  }
  const header = decodeCbor(protectedBytes, {
    code: CODE,
    what: `protected header of ${what}`,
    limitBytes: 4096,
    anyForm: true,
  });
  if (!(header instanceof Map) || [...header.keys()].some((name) => unprotected.has(name))) {
    throw new InclavareError(CODE, `${what} has headers that are no map, or one of them twice`);
  }
  if (header.has(HEADER_CRITICAL))
    throw new InclavareError(CODE, `${what} has critical headers, none of which is known`);
  const algorithm = ALGORITHMS.get(header.get(HEADER_ALGORITHM));
  if (algorithm === undefined) {
    throw new CheckFailure("ERR_EVIDENCE_UNSUPPORTED", `${what} is signed with an unknown algorithm`, {
      expected: "ES256, ES384 or ES512",
      actual: String(header.get(HEADER_ALGORITHM)),
    });
  }
  return { algorithm, protectedBytes, payload, signature };
}

/** False for a wrong signature, and for a key of another curve than the algorithm's. */
export function verifySign1(
  { algorithm, protectedBytes, payload, signature }: CoseSign1,
  publicKey: KeyObject,
): boolean {
  const { curve, digest, integerBytes } = algorithm;
  if (publicKey.asymmetricKeyType !== "ec" || publicKey.asymmetricKeyDetails?.namedCurve !== curve) return false;
  if (signature.length !== 2 * integerBytes) return false;
  const signed = encodeCbor(["Signature1", protectedBytes, new Uint8Array(0), payload]);
  return verify(digest, signed, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
}

/** The claims of a token: a CBOR map. @throws InclavareError ERR_EVIDENCE_FORMAT */
export function decodePayload({ payload }: CoseSign1, what: string): ReadonlyMap<unknown, unknown> {
  const map = decodeCbor(payload, { code: CODE, what: `payload of ${what}`, limitBytes: LIMIT_BYTES, anyForm: true });
  if (map instanceof Map) return map;
  throw new InclavareError(CODE, `payload of ${what} is no map`);
}

/**
 * A public key as tokens carry it: an uncompressed point, or the bytes of a COSE_Key.
 * @throws InclavareError ERR_EVIDENCE_FORMAT for anything else, and for a point off its curve
 */
export function decodePublicKey(bytes: Uint8Array, what: string): KeyObject {
  const { curve, x, y } = bytes[0] === UNCOMPRESSED ? pointOf(bytes) : coseKeyOf(bytes, what);
  const isWhole = x instanceof Uint8Array && y instanceof Uint8Array;
  if (curve === undefined || !isWhole || x.length !== curve.integerBytes || y.length !== curve.integerBytes) {
    throw new InclavareError(CODE, `${what} is no point of P-256, P-384 or P-521`);
  }
  const coordinates = { x: Buffer.from(x).toString("base64url"), y: Buffer.from(y).toString("base64url") };
  try {
    return createPublicKey({ key: { kty: "EC", crv: curve.jwk, ...coordinates }, format: "jwk" });
  } catch (cause) {
    throw new InclavareError(CODE, `${what} is no point of ${curve.jwk}`, { cause });
  }
}

interface Point {
  readonly curve: (typeof CURVES)[number] | undefined;
  readonly x: unknown;
  readonly y: unknown;
}

function pointOf(bytes: Uint8Array): Point {
  const curve = CURVES.find(({ integerBytes }) => bytes.length === 1 + 2 * integerBytes);
  const middle = 1 + (curve?.integerBytes ?? 0);
  return { curve, x: bytes.subarray(1, middle), y: bytes.subarray(middle) };
}

/** @see RFC 9053, section 7.1.1 */
function coseKeyOf(bytes: Uint8Array, what: string): Point {
  const key = decodeCbor(bytes, { code: CODE, what, limitBytes: 1024, anyForm: true });
  if (!(key instanceof Map) || key.get(COSE_KEY.type) !== KEY_TYPE_EC2) {
    throw new InclavareError(CODE, `${what} is neither a point nor a COSE_Key of type EC2`);
  }
  const curve = CURVES.find(({ cose }) => cose === key.get(COSE_KEY.curve));
  return { curve, x: key.get(COSE_KEY.x), y: key.get(COSE_KEY.y) };
}

const HASHES: Readonly<Record<string, string>> = { "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512" };

/** Hashes with an algorithm of the IANA named information registry; `undefined` for an unknown name. */
export function namedHash(name: string, bytes: Uint8Array): Uint8Array | undefined {
  const digest = HASHES[name];
  return digest === undefined ? undefined : createHash(digest).update(bytes).digest();
}
