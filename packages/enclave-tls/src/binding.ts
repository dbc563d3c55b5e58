import { timingSafeEqual } from "node:crypto";
import { reportDataFor } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";

/** Intel SGX DCAP quote, version 3: a header of 48 bytes, then the report, whose last 64 of 384 bytes are REPORTDATA. */
const QUOTE_VERSION = 3;
const REPORT_DATA_OFFSET = 48 + 320;
const REPORT_DATA_BYTES = 64;

/**
 * Checks that a quote carries the hash of a claims buffer: REPORTDATA is SHA-256 of its exact bytes, then zeros. Whether
 * the quote itself is genuine is for its appraisal.
 * @throws InclavareError ERR_TLS_PROOF_UNBOUND
 */
export function assertBound(quote: Uint8Array, claimsBytes: Uint8Array, what: string): void {
  const view = new DataView(quote.buffer, quote.byteOffset, quote.byteLength);
  if (quote.length < REPORT_DATA_OFFSET + REPORT_DATA_BYTES || view.getUint16(0, true) !== QUOTE_VERSION) {
    throw new InclavareError("ERR_TLS_PROOF_UNBOUND", `quote of the ${what} is not an SGX quote of version 3`);
  }
  const reportData = quote.subarray(REPORT_DATA_OFFSET, REPORT_DATA_OFFSET + REPORT_DATA_BYTES);
  if (timingSafeEqual(reportData, reportDataFor(claimsBytes))) return;
  throw new InclavareError("ERR_TLS_PROOF_UNBOUND", `report data of the ${what} is not the hash of its claims`);
}
