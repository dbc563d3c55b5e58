import { createHash, createPublicKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import {
  assertHashOfKey,
  assertKeyClaim,
  type Attester,
  decodeClaims,
  encodeClaims,
  encodeEndorsements,
  encodeEvidenceMessage,
  ENDORSEMENTS_EXTENSION,
  EVIDENCE_EXTENSION,
  type EvidenceCertificate,
  findEvidence,
  reportDataOf,
  VerificationCache,
} from "@inclavare/attestation";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import {
  type Certificate,
  createCertificate,
  EXTENSION,
  type NewExtension,
  parseCertificate,
  verifySignedBy,
} from "@inclavare/x509";
import { assertBound } from "./binding.ts";
import { evidenceOver } from "./own-evidence.ts";
import type { Leaf } from "./session-claims.ts";

/** The extensions that may be critical, because they are read, or bind nobody here. */
const KNOWN_EXTENSIONS = new Set<string>([
  EVIDENCE_EXTENSION,
  ENDORSEMENTS_EXTENSION,
  EXTENSION.basicConstraints,
  EXTENSION.keyUsage,
]);

const CURVES: ReadonlySet<string> = new Set(["prime256v1", "secp384r1"]);
const LEAST_RSA_BITS = 3072;

/** Half of it is used; see `Identity.renew`. */
export const LEAF_LIFETIME_MS = 14 * 24 * 3600 * 1000;
/** Clocks differ; a certificate made just now must not be one of the future elsewhere. */
const BACKDATE_MS = 10 * 60 * 1000;
/** For people; nobody reads it for trust. */
const NAME = { O: "Inclavare", CN: "Enclave-TLS" };

export interface LeafOptions {
  readonly privateKey: KeyObject;
  readonly attester?: Attester | undefined;
  readonly workload?: string | undefined;
  readonly container?: Uint8Array | undefined;
  /** Puts the collateral that the attester gives beside the evidence, for verifiers that have none; a few tens of kB. */
  readonly withEndorsements?: boolean;
  readonly now: Date;
}

/**
 * Makes a self-signed certificate, with evidence over its key where there is an attester. The evidence is without
 * a challenge: it is older than any connection, and proves nothing about one.
 */
export async function createLeafCertificate(options: LeafOptions): Promise<Uint8Array> {
  const { privateKey, attester, now } = options;
  const publicKey = createPublicKey(privateKey);
  const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const extensions = attester === undefined ? [] : await evidenceExtensions(attester, spki, options);
  return createCertificate({
    subject: NAME,
    serial: randomSerial(),
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + LEAF_LIFETIME_MS),
    publicKey,
    signingKey: privateKey,
    extensions,
  });
}

export interface LeafRules {
  readonly now: Date;
  readonly ownSpkiSha256: Uint8Array;
  /** Whether a certificate without evidence is refused at once. */
  readonly evidenceRequired: boolean;
}

/** What a certificate's exact bytes say, whenever they are looked at. */
interface KnownLeaf {
  readonly spkiSha256: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly hasEvidence: boolean;
}

/** By exact bytes. Peers come again and again with the same certificate; what depends on the time is not in it. */
const knownLeaves = new VerificationCache(256);

/**
 * Checks the one certificate that a peer showed, all but the genuineness of its evidence.
 * @throws InclavareError ERR_TLS_CERTIFICATE_MISSING, ERR_TLS_CERTIFICATE, ERR_TLS_CERTIFICATE_TIME,
 * ERR_TLS_CERTIFICATE_KEY, ERR_TLS_OWN_KEY, ERR_TLS_EVIDENCE_MISSING, ERR_TLS_PROOF_PURPOSE, ERR_TLS_PROOF_UNBOUND
 */
export function checkLeafCertificate(der: Uint8Array | undefined, rules: LeafRules): Leaf {
  if (der === undefined) throw new InclavareError("ERR_TLS_CERTIFICATE_MISSING", "peer showed no certificate");
  const leaf = knownLeaves.remember("leaf", [Buffer.from(der).toString("latin1")], () => readLeaf(der));
  if (timingSafeEqual(leaf.spkiSha256, rules.ownSpkiSha256)) {
    throw new InclavareError("ERR_TLS_OWN_KEY", "peer shows the key of this side");
  }
  checkTime(leaf, rules.now);
  if (rules.evidenceRequired && !leaf.hasEvidence) {
    throw new InclavareError("ERR_TLS_EVIDENCE_MISSING", "peer's certificate carries no evidence, which is required");
  }
  return { certificateDer: der, spkiSha256: leaf.spkiSha256 };
}

function readLeaf(der: Uint8Array): KnownLeaf {
  const certificate = parseLeaf(der);
  const { spki, notBefore, notAfter } = certificate;
  const found = inCertificate(() => findEvidence(certificate));
  if (found !== undefined) checkEvidence(found);
  return { spkiSha256: sha256(spki), notBefore, notAfter, hasEvidence: found !== undefined };
}

function parseLeaf(der: Uint8Array): Certificate {
  const certificate = inCertificate(() => parseCertificate(der, "peer's certificate"));
  if (!verifySignedBy(certificate, certificate.publicKey)) {
    throw new InclavareError("ERR_TLS_CERTIFICATE", "peer's certificate is not signed by its own key");
  }
  if (!isStrongKey(certificate.publicKey)) {
    throw new InclavareError(
      "ERR_TLS_CERTIFICATE",
      `peer's certificate is for a key that is not P-256, P-384, or RSA of at least ${LEAST_RSA_BITS} bits`,
    );
  }
  for (const [oid, { critical }] of certificate.extensions) {
    if (!critical || KNOWN_EXTENSIONS.has(oid)) continue;
    throw new InclavareError("ERR_TLS_CERTIFICATE", `peer's certificate has the unknown critical extension ${oid}`);
  }
  return certificate;
}

/** Ours are P-256; Gramine makes P-384, and rats-tls RSA-3072. */
function isStrongKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === "rsa") return (asymmetricKeyDetails?.modulusLength ?? 0) >= LEAST_RSA_BITS;
  return asymmetricKeyType === "ec" && CURVES.has(asymmetricKeyDetails?.namedCurve ?? "");
}

function checkTime({ notBefore, notAfter }: KnownLeaf, now: Date): void {
  if (now >= notBefore && now <= notAfter) return;
  const window = `${notBefore.toISOString()} to ${notAfter.toISOString()}`;
  throw new InclavareError(
    "ERR_TLS_CERTIFICATE_TIME",
    `peer's certificate is valid ${window}, now is ${now.toISOString()}`,
  );
}

/** The evidence must be about this key, and made for a certificate. */
function checkEvidence({ certificate, form, evidence, claims, boundTo = [] }: EvidenceCertificate): void {
  const parts = { format: form === "snp-report" ? form : "sgx-quote", quote: evidence } as const;
  if (claims === undefined) {
    aboutThisKey(() => assertHashOfKey(boundTo, reportDataOf(parts)));
    return;
  }
  const decoded = inCertificate(() => decodeClaims(claims));
  aboutThisKey(() => assertKeyClaim(certificate, decoded));
  if (decoded.purpose !== undefined && decoded.purpose !== "certificate") {
    throw new InclavareError(
      "ERR_TLS_PROOF_PURPOSE",
      `evidence in the peer's certificate was made for ${decoded.purpose}, expected certificate`,
    );
  }
  assertBound(parts, claims, "peer's certificate");
}

function inCertificate<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isInclavareError(error, "ERR_EVIDENCE_UNBOUND")) throw otherKey(error);
    throw new InclavareError("ERR_TLS_CERTIFICATE", "peer's certificate, or the evidence in it, is malformed", {
      cause: error,
    });
  }
}

function aboutThisKey(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw otherKey(error);
  }
}

function otherKey(cause: unknown): InclavareError {
  return new InclavareError("ERR_TLS_CERTIFICATE_KEY", "evidence in the peer's certificate is for another key", {
    cause,
  });
}

async function evidenceExtensions(
  attester: Attester,
  spki: Uint8Array,
  { workload, container, withEndorsements = false }: LeafOptions,
): Promise<NewExtension[]> {
  const claims = encodeClaims({
    pubkeyHash: { algorithm: "sha-256", value: sha256(spki) },
    purpose: "certificate",
    ...(workload === undefined ? {} : { workload }),
    ...(container === undefined ? {} : { container }),
  });
  const { format, quote, collateral } = await evidenceOver(attester, claims);
  const value = encodeEvidenceMessage({ evidence: { format, quote }, claims });
  const extensions = [{ oid: EVIDENCE_EXTENSION, critical: false, value }];
  if (!withEndorsements || collateral === undefined) return extensions;
  return [...extensions, { oid: ENDORSEMENTS_EXTENSION, critical: false, value: encodeEndorsements(collateral) }];
}

/** 16 random bytes, positive as RFC 5280 wants it. */
function randomSerial(): bigint {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return BigInt(`0x${bytes.toString("hex")}`);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
