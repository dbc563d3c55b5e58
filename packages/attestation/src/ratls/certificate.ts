/** Certificates that carry evidence. @see CCC Interoperable RA-TLS; TCG DICE Attestation Architecture, tagged evidence */
import { createHash, type KeyObject } from "node:crypto";
import { type Certificate, parseCertificate, verifySignedBy } from "@inclavare/x509";
import { decodeTaggedCbor, evidenceAndClaims, type TaggedEvidence } from "../cbor.ts";
import { CheckFailure, inStep } from "../check.ts";
import { type Claims, hashPublicKey } from "../claims.ts";

/** Tagged evidence; the extension's value is the CBOR itself. */
export const EVIDENCE_EXTENSION = "2.23.133.5.4.9";

/** A raw quote: Intel's early RA-TLS and rats-tls, and the same OID as Gramine mis-encodes it. */
const LEGACY_EXTENSIONS = ["1.2.840.113741.1337.6", "0.6.9.42.840.113741.1337.6"] as const;
const LIMIT_BYTES = 256 * 1024;

/** A certificate taken apart; nothing in it is verified yet. */
export interface EvidenceCertificate {
  readonly certificate: Certificate;
  readonly form: TaggedEvidence["form"];
  readonly evidence: Uint8Array;
  /** Left out in the legacy form, whose report data is the hash of the key itself. */
  readonly claims?: Uint8Array;
}

/** @throws CheckFailure ERR_EVIDENCE_FORMAT for a malformed certificate, and for one without evidence */
export function decodeEvidenceCertificate(bytes: Uint8Array): EvidenceCertificate {
  const code = "ERR_EVIDENCE_FORMAT";
  if (bytes.length > LIMIT_BYTES) throw new CheckFailure(code, `certificate is larger than ${LIMIT_BYTES} bytes`);
  const certificate = inStep(code, "certificate", () => parseCertificate(bytes));
  const tagged = certificate.extensions.get(EVIDENCE_EXTENSION);
  if (tagged !== undefined) {
    const item = decodeTaggedCbor(tagged.value, { code, what: "evidence extension", limitBytes: LIMIT_BYTES });
    const parts = evidenceAndClaims(item);
    if (parts !== undefined) return { certificate, ...parts };
    throw new CheckFailure(code, "the evidence extension is not 60000([quote, claims])");
  }
  const legacy = LEGACY_EXTENSIONS.map((oid) => certificate.extensions.get(oid)).find((found) => found !== undefined);
  if (legacy !== undefined) return { certificate, form: "quote", evidence: legacy.value };
  throw new CheckFailure(code, "the certificate carries no evidence");
}

/**
 * The certificate's own signature, where it is self-issued, and its period. Its names carry no trust.
 * @throws CheckFailure ERR_EVIDENCE_CERTIFICATE
 */
export function assertCertificate(certificate: Certificate, now: Date): void {
  const { issuer, subject, notBefore, notAfter, publicKey } = certificate;
  const isSelfIssued = Buffer.compare(issuer.raw, subject.raw) === 0;
  if (isSelfIssued && !verifySignedBy(certificate, publicKey)) {
    throw new CheckFailure("ERR_EVIDENCE_CERTIFICATE", "the certificate is not signed by its own key");
  }
  if (now >= notBefore && now <= notAfter) return;
  throw new CheckFailure("ERR_EVIDENCE_CERTIFICATE", "the certificate is not valid at this time", {
    expected: `${notBefore.toISOString()} to ${notAfter.toISOString()}`,
    actual: now.toISOString(),
  });
}

/** @throws CheckFailure ERR_EVIDENCE_UNBOUND where the claims speak of another key than the certificate's */
export function assertKeyClaim({ spki }: Certificate, { pubkeyHash }: Claims): void {
  const expected = hashPublicKey(spki, pubkeyHash.algorithm);
  if (Buffer.compare(expected.value, pubkeyHash.value) === 0) return;
  throw new CheckFailure("ERR_EVIDENCE_UNBOUND", "the claims are about another key than the certificate's", {
    expected: Buffer.from(expected.value).toString("hex"),
    actual: Buffer.from(pubkeyHash.value).toString("hex"),
  });
}

/**
 * The legacy binding: report data is the SHA-256 of the key, as SubjectPublicKeyInfo or, for RSA, as PKCS#1, then zeros.
 * @throws CheckFailure ERR_EVIDENCE_UNBOUND
 */
export function assertLegacyBinding({ spki, publicKey }: Certificate, reportData: Uint8Array): void {
  const encodings = [spki, ...pkcs1(publicKey)];
  const hashes = encodings.map((bytes) => Buffer.concat([createHash("sha256").update(bytes).digest()], 64));
  if (hashes.some((hash) => Buffer.compare(hash, reportData) === 0)) return;
  throw new CheckFailure("ERR_EVIDENCE_UNBOUND", "the evidence is about another key than the certificate's", {
    expected: hashes.map((hash) => hash.toString("hex")).join(" or "),
    actual: Buffer.from(reportData).toString("hex"),
  });
}

function pkcs1(key: KeyObject): Uint8Array[] {
  return key.asymmetricKeyType === "rsa" ? [key.export({ type: "pkcs1", format: "der" })] : [];
}
