import { timingSafeEqual } from "node:crypto";
import { type Evidence, reportDataFor, reportDataOf } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";

/**
 * Checks that evidence carries the hash of a claims buffer: its report data is SHA-256 of the buffer's exact bytes, then
 * zeros. Whether the evidence itself is genuine is for its appraisal.
 * @throws InclavareError ERR_TLS_PROOF_UNBOUND
 */
export function assertBound(evidence: Pick<Evidence, "format" | "quote">, claimsBytes: Uint8Array, what: string): void {
  let reportData: Uint8Array;
  try {
    reportData = reportDataOf(evidence);
  } catch (error) {
    throw new InclavareError("ERR_TLS_PROOF_UNBOUND", `evidence of the ${what} has no report data`, { cause: error });
  }
  if (timingSafeEqual(reportData, reportDataFor(claimsBytes))) return;
  throw new InclavareError("ERR_TLS_PROOF_UNBOUND", `report data of the ${what} is not the hash of its claims`);
}
