/** What endorses a report: certificates and revocation lists, in any order. @see AMD 57230 */
import { type Certificate, type Crl, fromPem, parseCertificate, parseCrl } from "@inclavare/x509";
import { CheckFailure, inStep } from "../check.ts";

const MOST_CHARACTERS = 16 << 20;
export interface Endorsements {
  readonly certificates: readonly Certificate[];
  readonly crls: readonly Crl[];
}

/** @param pem certificates and CRLs. @throws CheckFailure ERR_SNP_CHAIN, ERR_CRL */
export function parseEndorsements(pem: string): Endorsements {
  if (pem.length > MOST_CHARACTERS) {
    throw new CheckFailure("ERR_SNP_CHAIN", `the endorsements are longer than ${MOST_CHARACTERS} characters`);
  }
  const certificates = inStep("ERR_SNP_CHAIN", "endorsements", () => {
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) return [];
    return fromPem(pem, "CERTIFICATE", "endorsements").map((der) => parseCertificate(der, "endorsement"));
  });
  const crls = inStep("ERR_CRL", "endorsements", () => {
    if (!pem.includes("-----BEGIN X509 CRL-----")) return [];
    return fromPem(pem, "X509 CRL", "endorsements").map((der) => parseCrl(der, "CRL"));
  });
  return { certificates, crls };
}
