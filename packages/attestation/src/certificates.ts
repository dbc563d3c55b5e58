/** Rules for certificates that hold whoever issues them. @see RFC 5280, sections 4.2 and 6.1 */
import type { ErrorCode } from "@inclavare/errors";
import { type Certificate, EXTENSION, parseCertificate, verifySignedBy } from "@inclavare/x509";
import type { VerificationCache } from "./cache.ts";
import { CheckFailure } from "./check.ts";
import type { CollateralPeriod } from "./examination.ts";

const STANDARD: ReadonlySet<string> = new Set(Object.values(EXTENSION));

/** Names, key identifiers and signature of a certificate and its issuer's. @throws CheckFailure with the given code */
export function assertIssuedBy(
  child: Certificate,
  issuer: Certificate,
  { code, cache }: { readonly code: ErrorCode; readonly cache: VerificationCache },
): void {
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
  // Chains of one vendor share their upper certificates: each signature is verified once.
  cache.remember("signed by", [binary(child.raw), binary(issuer.spki)], () => {
    if (verifySignedBy(child, issuer.publicKey)) return true;
    const by = issuer.subject.commonName ?? "its issuer";
    throw new CheckFailure(code, `certificate "${name}" is not signed by "${by}"`);
  });
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

/** A certificate is parsed once, in however many chains it stands. */
export function cachedCertificate(der: Uint8Array, what: string, cache: VerificationCache): Certificate {
  return cache.remember("certificate", [binary(der)], () => parseCertificate(der, what));
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
