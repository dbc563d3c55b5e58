/** Keys of tokens. @see RFC 7517, JSON Web Key; RFC 7638, thumbprints; RFC 8037, Ed25519 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import * as v from "valibot";

/** A public key as RFC 7517 writes it, with what it is for. */
export interface PublicJwk {
  readonly kty: "EC" | "OKP";
  readonly crv: "P-256" | "P-384" | "Ed25519";
  readonly x: string;
  readonly y?: string;
  readonly alg: SignatureAlgorithm;
  readonly use: "sig";
  /** Its thumbprint. */
  readonly kid: string;
}

export interface JsonWebKeySet {
  readonly keys: readonly PublicJwk[];
}

export type SignatureAlgorithm = keyof typeof ALGORITHMS;

/** A key that signs tokens. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly jwk: PublicJwk;
}

/** A key that tokens may be signed with. */
export interface VerificationKey {
  readonly publicKey: KeyObject;
  readonly kid: string;
  readonly alg: SignatureAlgorithm;
}

/** One algorithm for each kind of key; `hash` is null where the signature scheme has its own. */
export const ALGORITHMS = {
  ES256: { crv: "P-256", hash: "sha256", signatureBytes: 64 },
  ES384: { crv: "P-384", hash: "sha384", signatureBytes: 96 },
  EdDSA: { crv: "Ed25519", hash: null, signatureBytes: 64 },
} as const;

const LIMIT_CHARACTERS = 1 << 20;
const MOST_KEYS = 256;

/** The public half as a JWK, members of the key only, in the order of RFC 7638. */
const memberSchema = v.variant("kty", [
  v.object({ crv: v.picklist(["P-256", "P-384"]), kty: v.literal("EC"), x: v.string(), y: v.string() }),
  v.object({ crv: v.literal("Ed25519"), kty: v.literal("OKP"), x: v.string() }),
]);

type KeyMembers = v.InferOutput<typeof memberSchema>;

/**
 * @param pem PKCS#8 or SEC1, of P-256, P-384 or Ed25519.
 * @param what names the input in errors.
 * @throws InclavareError ERR_EAR_SIGNING_KEY
 */
export function signingKeyFromPem(pem: string, what: string): SigningKey {
  const code = "ERR_EAR_SIGNING_KEY";
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (cause) {
    throw new InclavareError(code, `${what} is no private key in PEM`, { cause });
  }
  const members = v.safeParse(memberSchema, publicMembers(privateKey));
  if (members.success) return { privateKey, jwk: toJwk(members.output) };
  const kind = privateKey.asymmetricKeyDetails?.namedCurve ?? privateKey.asymmetricKeyType ?? "unknown";
  throw new InclavareError(code, `${what} is a key of kind ${kind}, expected P-256, P-384 or Ed25519`);
}

/** The set that a relying party verifies with. */
export function toKeySet(...keys: readonly SigningKey[]): JsonWebKeySet {
  return { keys: keys.map(({ jwk }) => jwk) };
}

/** The members of any public key as RFC 7517 writes them; `undefined` for a kind that has no such form. */
export function jwkOfSpki(spki: Uint8Array): Readonly<Record<string, string>> | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    return key.export({ format: "jwk" }) as Record<string, string>;
  } catch {
    return undefined;
  }
}

/**
 * Reads a set of public keys. Keys of other kinds and for other uses are passed over, as RFC 7517 section 5 says.
 * @param what names the input in errors.
 * @throws InclavareError ERR_JWKS_FORMAT, also for a set with a private key: it must be burnt, not used
 */
export function parseKeySet(text: string, what: string): readonly VerificationKey[] {
  const fail = (problem: string, cause?: unknown): never => {
    throw new InclavareError("ERR_JWKS_FORMAT", `${what} ${problem}`, cause === undefined ? {} : { cause });
  };
  if (text.length > LIMIT_CHARACTERS) fail("is longer than 1 MiB");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    fail("is not JSON", cause);
  }
  const set = v.safeParse(v.object({ keys: v.pipe(v.array(v.looseObject({})), v.maxLength(MOST_KEYS)) }), json);
  if (!set.success) return fail(`has no list "keys" of at most ${MOST_KEYS} keys`);
  if (set.output.keys.some((key) => "d" in key || "k" in key)) fail("holds a private key");
  const keys = set.output.keys.flatMap((key, index) => {
    const found = readKey(key, `${what}, key ${index}`);
    return found === undefined ? [] : [found];
  });
  if (keys.length === 0) fail("holds no key of P-256, P-384 or Ed25519 for signatures");
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) fail("holds two keys of one name");
  return keys;
}

function readKey(json: Readonly<Record<string, unknown>>, what: string): VerificationKey | undefined {
  const { use = "sig", alg: named, kid } = json;
  const members = v.safeParse(memberSchema, json);
  if (!members.success || use !== "sig") return undefined;
  const { alg, kid: thumbprint } = toJwk(members.output);
  if (named !== undefined && named !== alg) return undefined;
  try {
    const publicKey = createPublicKey({ key: members.output, format: "jwk" });
    return { publicKey, alg, kid: typeof kid === "string" ? kid : thumbprint };
  } catch (cause) {
    throw new InclavareError("ERR_JWKS_FORMAT", `${what} is no point of its curve`, { cause });
  }
}

function toJwk(members: KeyMembers): PublicJwk {
  const alg = (Object.keys(ALGORITHMS) as SignatureAlgorithm[]).find((name) => ALGORITHMS[name].crv === members.crv);
  if (alg === undefined) throw new InclavareError("ERR_INTERNAL", `no algorithm for ${members.crv}`);
  return { ...members, alg, use: "sig", kid: thumbprint(members) };
}

/** SHA-256 over the members that make the key, in lexicographic order, without white space. */
function thumbprint(members: KeyMembers): string {
  const { crv, kty, x } = members;
  const text = JSON.stringify(members.kty === "EC" ? { crv, kty, x, y: members.y } : { crv, kty, x });
  return createHash("sha256").update(text).digest("base64url");
}

function publicMembers(privateKey: KeyObject): unknown {
  try {
    return createPublicKey(privateKey).export({ format: "jwk" });
  } catch {
    return undefined; // a kind that JWK does not know
  }
}
