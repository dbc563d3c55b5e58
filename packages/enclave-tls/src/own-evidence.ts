import { type Attester, type Evidence, reportDataFor } from "@inclavare/attestation";

/** Evidence over a claims buffer: by the claims themselves where the attester wants to see them, else by their hash. */
export async function evidenceOver(attester: Attester, claims: Uint8Array): Promise<Evidence> {
  if (attester.evidenceOver !== undefined) return await attester.evidenceOver(claims);
  return await attester.evidence(reportDataFor(claims));
}
