import { createHash, createPublicKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import {
  type Attester,
  decodeClaims,
  decodeEvidenceMessage,
  encodeClaims,
  encodeEvidenceMessage,
  EVIDENCE_EXTENSION,
  reportDataFor,
} from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import { type Certificate, createCertificate, EXTENSION, parseCertificate, verifySignedBy } from "@inclavare/x509";
import { assertBound } from "./binding.ts";
import type { Leaf } from "./session-claims.ts";

/** The extensions that may be critical, because they are read, or bind nobody here. */
const KNOWN_EXTENSIONS = new Set<string>([EVIDENCE_EXTENSION, EXTENSION.basicConstraints, EXTENSION.keyUsage]);

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
  readonly now: Date;
}

/**
 * Makes a self-signed certificate, with evidence over its key where there is an attester. The evidence is without
 * collateral and without a challenge: it is older than any connection, and proves nothing about one.
 */
export async function createLeafCertificate(options: LeafOptions): Promise<Uint8Array> {
  const { privateKey, attester, now } = options;
  const publicKey = createPublicKey(privateKey);
  const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const evidence = attester === undefined ? [] : [await evidenceExtension(attester, spki, options.workload)];
  return createCertificate({
    subject: NAME,
    serial: randomSerial(),
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + LEAF_LIFETIME_MS),
    publicKey,
    signingKey: privateKey,
    extensions: evidence,
  });
}

export interface LeafRules {
  readonly now: Date;
  readonly ownSpkiSha256: Uint8Array;
  /** Whether a certificate without evidence is refused at once. */
  readonly evidenceRequired: boolean;
}

/**
 * Checks the one certificate that a peer showed, all but the genuineness of its quote.
 * @throws InclavareError ERR_TLS_CERTIFICATE_MISSING, ERR_TLS_CERTIFICATE, ERR_TLS_CERTIFICATE_TIME,
 * ERR_TLS_CERTIFICATE_KEY, ERR_TLS_OWN_KEY, ERR_TLS_EVIDENCE_MISSING, ERR_TLS_PROOF_UNBOUND
 */
export function checkLeafCertificate(der: Uint8Array | undefined, rules: LeafRules): Leaf {
  if (der === undefined) throw new InclavareError("ERR_TLS_CERTIFICATE_MISSING", "peer showed no certificate");
  const certificate = parseLeaf(der);
  const spkiSha256 = sha256(certificate.spki);
  if (timingSafeEqual(spkiSha256, rules.ownSpkiSha256)) {
    throw new InclavareError("ERR_TLS_OWN_KEY", "peer shows the key of this side");
  }
  checkTime(certificate, rules.now);
  const evidence = certificate.extensions.get(EVIDENCE_EXTENSION);
  if (evidence !== undefined) checkEvidence(evidence.value, spkiSha256);
  else if (rules.evidenceRequired) {
    throw new InclavareError("ERR_TLS_EVIDENCE_MISSING", "peer's certificate carries no evidence, which is required");
  }
  return { certificateDer: der, spkiSha256 };
}

function parseLeaf(der: Uint8Array): Certificate {
  let certificate: Certificate;
  let isSelfSigned: boolean;
  try {
    certificate = parseCertificate(der, "peer's certificate");
    isSelfSigned = verifySignedBy(certificate, certificate.publicKey);
  } catch (error) {
    throw new InclavareError("ERR_TLS_CERTIFICATE", "peer's certificate is malformed", { cause: error });
  }
  if (!isSelfSigned) throw new InclavareError("ERR_TLS_CERTIFICATE", "peer's certificate is not signed by its own key");
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== "ec" || asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new InclavareError("ERR_TLS_CERTIFICATE", "peer's certificate is not for a P-256 key");
  }
  for (const [oid, { critical }] of certificate.extensions) {
    if (!critical || KNOWN_EXTENSIONS.has(oid)) continue;
    throw new InclavareError("ERR_TLS_CERTIFICATE", `peer's certificate has the unknown critical extension ${oid}`);
  }
  return certificate;
}

function checkTime({ notBefore, notAfter }: Certificate, now: Date): void {
  if (now >= notBefore && now <= notAfter) return;
  const window = `${notBefore.toISOString()} to ${notAfter.toISOString()}`;
  throw new InclavareError(
    "ERR_TLS_CERTIFICATE_TIME",
    `peer's certificate is valid ${window}, now is ${now.toISOString()}`,
  );
}

function checkEvidence(value: Uint8Array, spkiSha256: Uint8Array): void {
  const { quote, claimsBytes, pubkeyHash } = decodeExtension(value);
  if (pubkeyHash.algorithm !== "sha-256" || !timingSafeEqual(pubkeyHash.value, spkiSha256)) {
    throw new InclavareError("ERR_TLS_CERTIFICATE_KEY", "evidence in the peer's certificate is for another key");
  }
  assertBound(quote, claimsBytes, "peer's certificate");
}

function decodeExtension(value: Uint8Array) {
  try {
    const { evidence, claims } = decodeEvidenceMessage(value);
    if (claims === undefined || evidence.collateral !== undefined) throw new Error("expected 60000([quote, claims])");
    return { quote: evidence.quote, claimsBytes: claims, pubkeyHash: decodeClaims(claims).pubkeyHash };
  } catch (error) {
    throw new InclavareError("ERR_TLS_CERTIFICATE", "evidence in the peer's certificate is malformed", {
      cause: error,
    });
  }
}

async function evidenceExtension(attester: Attester, spki: Uint8Array, workload: string | undefined) {
  const claims = encodeClaims({
    pubkeyHash: { algorithm: "sha-256", value: sha256(spki) },
    purpose: "certificate",
    ...(workload === undefined ? {} : { workload }),
  });
  const { format, quote } = await attester.evidence(reportDataFor(claims));
  return {
    oid: EVIDENCE_EXTENSION,
    critical: false,
    value: encodeEvidenceMessage({ evidence: { format, quote }, claims }),
  };
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
