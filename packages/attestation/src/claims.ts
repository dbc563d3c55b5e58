/**
 * The claims buffer: what an attester says beside its evidence, bound to it by the report data.
 * @see CCC Interoperable RA-TLS, claims-buffer
 */
import { createHash } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { decodeCbor, encodeCbor } from "./cbor.ts";

export const CLAIM_PURPOSES = ["certificate", "session", "nonce", "application"] as const;
export const CLAIM_ROLES = ["client", "server"] as const;

/** Hash of a DER SubjectPublicKeyInfo, with the algorithm's name in the IANA named information registry. */
export interface PublicKeyHash {
  readonly algorithm: "sha-256" | "sha-384" | "sha-512";
  readonly value: Uint8Array;
}

/** All members but the first are optional; leaving one out leaves the claim out. */
export interface Claims {
  readonly pubkeyHash: PublicKeyHash;
  /** The verifier's challenge, 1 to 64 bytes. */
  readonly nonce?: Uint8Array;
  /** What the evidence was made for; evidence for one purpose proves nothing for another. */
  readonly purpose?: (typeof CLAIM_PURPOSES)[number];
  /** The side of the connection that proves itself. */
  readonly role?: (typeof CLAIM_ROLES)[number];
  /** TLS exporter value of the connection. */
  readonly exporter?: Uint8Array;
  /** SHA-256 of the prover's and of the verifier's leaf certificate. */
  readonly ownLeaf?: Uint8Array;
  readonly peerLeaf?: Uint8Array;
  /** The workload's name, from the measured manifest. */
  readonly workload?: string;
  /** Of a container inside a guest TEE: what it is; see `container-claim.ts`. */
  readonly container?: Uint8Array;
  /** What whoever asked wanted to have carried. */
  readonly application?: Uint8Array;
  /** Claims of other producers, carried and otherwise ignored. */
  readonly others?: ReadonlyMap<string, Uint8Array>;
}

const REPORT_DATA_BYTES = 64;
const LIMIT_BYTES = 64 * 1024;
const MOST_CLAIMS = 64;
const MOST_NONCE_BYTES = 64;
const MOST_NAME_BYTES = 1024;

const HASHES = {
  "sha-256": { id: 1, digest: "sha256", sizeBytes: 32 },
  "sha-384": { id: 7, digest: "sha384", sizeBytes: 48 },
  "sha-512": { id: 8, digest: "sha512", sizeBytes: 64 },
} as const;

/** Hashes a DER SubjectPublicKeyInfo for the `pubkey-hash` claim. */
export function hashPublicKey(spki: Uint8Array, algorithm: PublicKeyHash["algorithm"] = "sha-256"): PublicKeyHash {
  return { algorithm, value: new Uint8Array(createHash(HASHES[algorithm].digest).update(spki).digest()) };
}

/**
 * The claims buffer: a CBOR map of text to byte strings in deterministic form.
 * @throws InclavareError ERR_CLAIMS_FORMAT where a value is out of bounds
 */
export function encodeClaims(claims: Claims): Uint8Array {
  const { pubkeyHash, others, purpose, role, workload } = claims;
  const entries = new Map<string, Uint8Array>(others);
  entries.set("pubkey-hash", encodeCbor([HASHES[pubkeyHash.algorithm].id, pubkeyHash.value]));
  const set = (name: string, value: Uint8Array | undefined): void => {
    if (value !== undefined) entries.set(name, value);
  };
  set("nonce", claims.nonce);
  set("purpose", encodeText(purpose));
  set("role", encodeText(role));
  set("exporter", claims.exporter);
  set("own-leaf", claims.ownLeaf);
  set("peer-leaf", claims.peerLeaf);
  set("workload", encodeText(workload));
  set("container", claims.container);
  set("application", claims.application);
  const bytes = encodeCbor(entries);
  decodeClaims(bytes); // what this side sends, this side would take
  return bytes;
}

/**
 * @param bytes a whole claims buffer.
 * @throws InclavareError ERR_CLAIMS_FORMAT for indefinite lengths, duplicate names, trailing bytes, wrong types and sizes
 */
export function decodeClaims(bytes: Uint8Array): Claims {
  const map = decodeCbor(bytes, { code: "ERR_CLAIMS_FORMAT", what: "claims buffer", limitBytes: LIMIT_BYTES });
  if (!(map instanceof Map) || map.size > MOST_CLAIMS) {
    throw new InclavareError("ERR_CLAIMS_FORMAT", `claims buffer is not a map of at most ${MOST_CLAIMS} claims`);
  }
  const rest = new Map<string, Uint8Array>();
  for (const [name, value] of map) {
    if (typeof name !== "string" || !(value instanceof Uint8Array)) {
      throw new InclavareError("ERR_CLAIMS_FORMAT", "claims buffer holds an entry that is not text to byte string");
    }
    rest.set(name, value);
  }
  const take = (name: string): Uint8Array | undefined => {
    const value = rest.get(name);
    rest.delete(name);
    return value;
  };
  const claims = {
    pubkeyHash: decodePublicKeyHash(take("pubkey-hash")),
    nonce: checkSize("nonce", take("nonce"), 1, MOST_NONCE_BYTES),
    purpose: decodeChoice("purpose", take("purpose"), CLAIM_PURPOSES),
    role: decodeChoice("role", take("role"), CLAIM_ROLES),
    exporter: checkSize("exporter", take("exporter"), 32, 32),
    ownLeaf: checkSize("own-leaf", take("own-leaf"), 32, 32),
    peerLeaf: checkSize("peer-leaf", take("peer-leaf"), 32, 32),
    workload: decodeText("workload", checkSize("workload", take("workload"), 1, MOST_NAME_BYTES)),
    container: take("container"),
    application: take("application"),
    others: rest.size > 0 ? rest : undefined,
  };
  return withoutUndefined(claims);
}

/**
 * The report data that binds evidence to a claims buffer: SHA-256 of its exact bytes in 0..31, zeros in 32..63.
 */
export function reportDataFor(claimsBytes: Uint8Array): Uint8Array {
  const reportData = new Uint8Array(REPORT_DATA_BYTES);
  reportData.set(createHash("sha256").update(claimsBytes).digest());
  return reportData;
}

function decodePublicKeyHash(bytes: Uint8Array | undefined): PublicKeyHash {
  if (bytes === undefined) throw new InclavareError("ERR_CLAIMS_FORMAT", "claims buffer has no pubkey-hash");
  const pair = decodeCbor(bytes, { code: "ERR_CLAIMS_FORMAT", what: "claim pubkey-hash", limitBytes: 128 });
  const [id, value, ...surplus] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
  const algorithm = (Object.keys(HASHES) as (keyof typeof HASHES)[]).find((name) => HASHES[name].id === id);
  if (algorithm === undefined || !(value instanceof Uint8Array) || surplus.length > 0) {
    throw new InclavareError("ERR_CLAIMS_FORMAT", "claim pubkey-hash is not [1 | 7 | 8, byte string]");
  }
  const { sizeBytes } = HASHES[algorithm];
  if (value.length !== sizeBytes) {
    throw new InclavareError(
      "ERR_CLAIMS_FORMAT",
      `claim pubkey-hash (${algorithm}) has ${value.length} bytes, expected ${sizeBytes}`,
    );
  }
  return { algorithm, value };
}

function checkSize(name: string, value: Uint8Array | undefined, least: number, most: number): Uint8Array | undefined {
  if (value === undefined || (value.length >= least && value.length <= most)) return value;
  const expected = least === most ? `${least}` : `${least} to ${most}`;
  throw new InclavareError("ERR_CLAIMS_FORMAT", `claim ${name} has ${value.length} bytes, expected ${expected}`);
}

function encodeText(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new TextEncoder().encode(text);
}

function decodeText(name: string, value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch (cause) {
    throw new InclavareError("ERR_CLAIMS_FORMAT", `claim ${name} is not UTF-8`, { cause });
  }
}

function decodeChoice<T extends string>(
  name: string,
  value: Uint8Array | undefined,
  choices: readonly T[],
): T | undefined {
  const text = decodeText(name, value);
  const found = choices.find((choice) => choice === text);
  if (text === undefined || found !== undefined) return found;
  throw new InclavareError("ERR_CLAIMS_FORMAT", `claim ${name} is none of ${choices.join(", ")}`);
}

type Optional<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function withoutUndefined<T extends object>(value: T): Optional<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Optional<T>;
}
