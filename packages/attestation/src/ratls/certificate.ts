/** Certificates that carry evidence. @see CCC Interoperable RA-TLS; TCG DICE Attestation Architecture, tagged evidence */
import { createHash } from "node:crypto";
import { type Certificate, parseCertificate, verifySignedBy } from "@inclavare/x509";
import { VerificationCache } from "../cache.ts";
import { decodeTaggedCbor, evidenceAndClaims, type TaggedEvidence } from "../cbor.ts";
import { CheckFailure, inStep } from "../check.ts";
import { type Claims, hashPublicKey } from "../claims.ts";
import {
  EVIDENCE_EXTENSION,
  OPEN_ENCLAVE_EVIDENCE_EXTENSIONS,
  OPEN_ENCLAVE_REPORT_EXTENSIONS,
  RAW_QUOTE_EXTENSIONS,
  UNSUPPORTED_EXTENSIONS,
} from "./extensions.ts";
import { decodeOpenEnclaveEvidence, decodeOpenEnclaveReport } from "./open-enclave.ts";

const CODE = "ERR_EVIDENCE_FORMAT";
const LIMIT_BYTES = 256 * 1024;

/** A certificate taken apart; nothing in it is verified yet. */
export interface EvidenceCertificate {
  readonly certificate: Certificate;
  readonly form: TaggedEvidence["form"];
  readonly evidence: Uint8Array;
  /** The claims buffer of the interoperable form. */
  readonly claims?: Uint8Array;
  /** In the other forms: report data is the SHA-256 of one of these, which speak of the certificate's key, then zeros. */
  readonly boundTo?: readonly Uint8Array[];
}

/**
 * @throws CheckFailure ERR_EVIDENCE_FORMAT for a malformed certificate, and for one without evidence;
 * ERR_EVIDENCE_UNSUPPORTED for a form that proves too little
 */
export function decodeEvidenceCertificate(bytes: Uint8Array): EvidenceCertificate {
  if (bytes.length > LIMIT_BYTES) throw new CheckFailure(CODE, `certificate is larger than ${LIMIT_BYTES} bytes`);
  const certificate = inStep(CODE, "certificate", () => parseCertificate(bytes));
  const found = findEvidence(certificate);
  if (found !== undefined) return found;
  for (const [oid, what] of UNSUPPORTED_EXTENSIONS) {
    if (certificate.extensions.has(oid)) {
      throw new CheckFailure("ERR_EVIDENCE_UNSUPPORTED", `the certificate carries ${what} (${oid})`);
    }
  }
  throw new CheckFailure(CODE, "the certificate carries no evidence");
}

/** The evidence of a certificate in the first form that it has, the interoperable one before the older ones. */
export function findEvidence(certificate: Certificate): EvidenceCertificate | undefined {
  const first = (oids: readonly string[]): Uint8Array | undefined =>
    oids.map((oid) => certificate.extensions.get(oid)?.value).find((value) => value !== undefined);
  const tagged = first([EVIDENCE_EXTENSION]);
  if (tagged !== undefined) {
    const item = decodeTaggedCbor(tagged, { code: CODE, what: "evidence extension", limitBytes: LIMIT_BYTES });
    const parts = evidenceAndClaims(item);
    if (parts !== undefined) return { certificate, ...parts };
    throw new CheckFailure(CODE, "the evidence extension is not TAG([evidence, claims])");
  }
  const quote = first(RAW_QUOTE_EXTENSIONS);
  if (quote !== undefined) return { certificate, form: "quote", evidence: quote, boundTo: keyEncodings(certificate) };
  const [evidence, report] = [first(OPEN_ENCLAVE_EVIDENCE_EXTENSIONS), first(OPEN_ENCLAVE_REPORT_EXTENSIONS)];
  if (evidence === undefined && report === undefined) return undefined;
  const { quote: inner, boundTo } =
    evidence === undefined
      ? decodeOpenEnclaveReport(report ?? new Uint8Array(0), certificate)
      : decodeOpenEnclaveEvidence(evidence, certificate);
  return { certificate, form: "quote", evidence: inner, boundTo };
}

/**
 * The certificate's own signature, where it is self-issued, and its period. Its names carry no trust.
 * @throws CheckFailure ERR_EVIDENCE_CERTIFICATE
 */
export function assertCertificate(
  certificate: Certificate,
  now: Date,
  cache: VerificationCache = new VerificationCache(),
): void {
  const { issuer, subject, notBefore, notAfter, publicKey, raw } = certificate;
  if (Buffer.compare(issuer.raw, subject.raw) === 0) {
    cache.remember("self-signed", [Buffer.from(raw).toString("latin1")], () => {
      if (verifySignedBy(certificate, publicKey)) return true;
      throw new CheckFailure("ERR_EVIDENCE_CERTIFICATE", "the certificate is not signed by its own key");
    });
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
 * The binding without a claims buffer: report data is the SHA-256 of bytes that speak of the key, then zeros.
 * @param boundTo any of these.
 * @throws CheckFailure ERR_EVIDENCE_UNBOUND
 */
export function assertHashOfKey(boundTo: readonly Uint8Array[], reportData: Uint8Array): void {
  const hashes = boundTo.map((bytes) => Buffer.concat([createHash("sha256").update(bytes).digest()], 64));
  if (hashes.some((hash) => Buffer.compare(hash, reportData) === 0)) return;
  throw new CheckFailure("ERR_EVIDENCE_UNBOUND", "the evidence is about another key than the certificate's", {
    expected: hashes.map((hash) => hash.toString("hex")).join(" or "),
    actual: Buffer.from(reportData).toString("hex"),
  });
}

/** SubjectPublicKeyInfo and, for RSA, PKCS#1, which rats-tls hashed. */
function keyEncodings({ spki, publicKey }: Certificate): Uint8Array[] {
  if (publicKey.asymmetricKeyType !== "rsa") return [spki];
  return [spki, publicKey.export({ type: "pkcs1", format: "der" })];
}
