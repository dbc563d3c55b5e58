/** Revocation. @see Intel SGX PCK Certificate and CRL Profile Specification, section on CRLs */
import { type Certificate, type Crl, EXTENSION, parseCrl, verifyCrl } from "@inclavare/x509";
import { CheckFailure, inStep } from "../check.ts";

const MOST_BYTES = 8 << 20;
const UNDERSTOOD: ReadonlySet<string> = new Set([EXTENSION.crlNumber, EXTENSION.authorityKeyId]);

/**
 * Parses a CRL and verifies that this issuer signed it; a list that nobody vouches for says nothing. Its period is the
 * caller's to check.
 * @throws CheckFailure ERR_CRL
 */
export function verifiedCrl(bytes: Uint8Array, issuer: Certificate, what: string): Crl {
  if (bytes.length > MOST_BYTES) throw new CheckFailure("ERR_CRL", `${what} is larger than ${MOST_BYTES} bytes`);
  const crl = inStep("ERR_CRL", what, () => parseCrl(bytes, what));
  if (Buffer.compare(crl.issuer.raw, issuer.subject.raw) !== 0) {
    throw new CheckFailure("ERR_CRL", `${what} is of another issuer`, {
      expected: issuer.subject.text,
      actual: crl.issuer.text,
    });
  }
  for (const [oid, { critical }] of crl.extensions) {
    if (critical && !UNDERSTOOD.has(oid)) {
      throw new CheckFailure("ERR_CRL", `${what} has an unknown critical extension`, { expected: "none", actual: oid });
    }
  }
  if (!verifyCrl(crl, issuer.publicKey)) {
    throw new CheckFailure("ERR_CRL", `${what} is not signed by "${issuer.subject.commonName ?? issuer.subject.text}"`);
  }
  return crl;
}

/**
 * @param crl the list of this certificate's own issuer: serial numbers mean nothing beyond it.
 * @throws CheckFailure ERR_CERTIFICATE_REVOKED
 */
export function assertNotRevoked({ serial, subject }: Certificate, crl: Crl, what: string): void {
  const revokedAt = crl.revoked.get(serial);
  if (revokedAt === undefined) return;
  throw new CheckFailure("ERR_CERTIFICATE_REVOKED", `${what} lists "${subject.commonName ?? subject.text}"`, {
    expected: "not revoked",
    actual: `serial number ${serial}, revoked ${revokedAt.toISOString()}`,
  });
}
