/** Rules for certificates that hold whoever issues them. @see RFC 5280, sections 4.2 and 6.1 */
import type { KeyObject } from "node:crypto";
import type { ErrorCode } from "@inclavare/errors";
import { type Certificate, EXTENSION, parseCertificate, verifySignedBy } from "@inclavare/x509";
import type { VerificationCache } from "./cache.ts";
import { CheckFailure } from "./check.ts";
import type { CollateralPeriod } from "./examination.ts";
import type { TrustAnchor } from "./trust-anchors.ts";

const STANDARD: ReadonlySet<string> = new Set(Object.values(EXTENSION));

/** By which keys a certificate was found to be signed: chains of one vendor share their upper certificates. */
const SIGNED_BY = new WeakMap<Certificate, WeakSet<KeyObject>>();

/** Names, key identifiers and signature of a certificate and its issuer's. @throws CheckFailure with the given code */
export function assertIssuedBy(child: Certificate, issuer: Certificate, code: ErrorCode): void {
  const name = child.subject.commonName ?? child.subject.text;
  if (Buffer.compare(child.issuer.raw, issuer.subject.raw) !== 0) {
    throw new CheckFailure(code, `certificate "${name}" names another issuer than the next one of its chain`, {
      expected: issuer.subject.text,
      actual: child.issuer.text,
    });
  }
  const { authorityKeyId } = child;
  const { subjectKeyId } = issuer;
  if (
    authorityKeyId !== undefined &&
    subjectKeyId !== undefined &&
    Buffer.compare(authorityKeyId, subjectKeyId) !== 0
  ) {
    throw new CheckFailure(code, `certificate "${name}" names another key of its issuer`, {
      expected: Buffer.from(subjectKeyId).toString("hex"),
      actual: Buffer.from(authorityKeyId).toString("hex"),
    });
  }
  const known = SIGNED_BY.get(child);
  if (known?.has(issuer.publicKey) === true) return;
  if (!verifySignedBy(child, issuer.publicKey)) {
    const by = issuer.subject.commonName ?? "its issuer";
    throw new CheckFailure(code, `certificate "${name}" is not signed by "${by}"`);
  }
  if (known === undefined) SIGNED_BY.set(child, new WeakSet([issuer.publicKey]));
  else known.add(issuer.publicKey);
}

/**
 * @param own OIDs that the caller reads, beside the standard ones.
 * @throws CheckFailure with the given code for a critical extension that nobody reads
 */
export function assertUnderstood(
  { subject, extensions }: Certificate,
  own: ReadonlySet<string>,
  code: ErrorCode,
): void {
  for (const [oid, { critical }] of extensions) {
    if (!critical || STANDARD.has(oid) || own.has(oid)) continue;
    throw new CheckFailure(
      code,
      `certificate "${subject.commonName ?? subject.text}" has an unknown critical extension`,
      {
        expected: "none",
        actual: oid,
      },
    );
  }
}

/** @throws CheckFailure with the given code where one of the certificates is not valid at that time */
export function assertValidAt(
  { what, certificates }: { readonly what: string; readonly certificates: readonly Certificate[] },
  now: Date,
  code: ErrorCode,
): void {
  for (const { subject, notBefore, notAfter } of certificates) {
    if (now >= notBefore && now <= notAfter) continue;
    throw new CheckFailure(code, `${what}: "${subject.commonName ?? subject.text}" is not valid at this time`, {
      expected: `${notBefore.toISOString()} to ${notAfter.toISOString()}`,
      actual: now.toISOString(),
    });
  }
}

/** The earliest end and the latest beginning of a chain count for what it vouches for. */
export function periodOfChain({
  what,
  certificates,
}: {
  readonly what: string;
  readonly certificates: readonly Certificate[];
}): CollateralPeriod {
  const begins = certificates.map(({ notBefore }) => notBefore.getTime());
  const ends = certificates.map(({ notAfter }) => notAfter.getTime());
  return { what, notBefore: new Date(Math.max(...begins)), notAfter: new Date(Math.min(...ends)) };
}

/**
 * A certificate is parsed once, in however many chains it stands; one that is a trust anchor was parsed with that.
 * @throws as `parseCertificate`
 */
export function cachedCertificate(
  der: Uint8Array,
  what: string,
  { cache, anchors }: { readonly cache: VerificationCache; readonly anchors: readonly TrustAnchor[] },
): Certificate {
  for (const { certificate } of anchors) {
    if (certificate !== undefined && Buffer.compare(certificate.raw, der) === 0) return certificate;
  }
  const text = Buffer.from(der.buffer, der.byteOffset, der.length).toString("latin1");
  return cache.remember("certificate", [text], () => parseCertificate(der, what));
}
