/** Where each kind of evidence carries the bytes that its attester chose, read without verifying anything. */
import { decodeQuoteHeader } from "@inclavare/sgx";
import { CheckFailure, inStep } from "./check.ts";
import type { Evidence } from "./evidence.ts";

const REPORT_DATA_BYTES = 64;
/** SEV-SNP ABI (AMD 56860), ATTESTATION_REPORT. */
const SNP_OFFSET = 0x50;
/** Within the report body: Intel SGX DCAP quoting library, enclave report; Intel TDX module ABI, TD report. */
const QUOTE_OFFSETS = { sgx: 320, tdx: 520 } as const;
const HEADER_BYTES = 48;
/** Version 5 has the body's type and size in front of it. */
const DESCRIPTOR_BYTES = 6;

/**
 * REPORTDATA (Intel) or REPORT_DATA (AMD) of evidence, 64 bytes, a view into it. Whether the evidence is genuine is for
 * its verification.
 * @throws CheckFailure ERR_EVIDENCE_FORMAT
 */
export function reportDataOf({ format, quote }: Pick<Evidence, "format" | "quote">): Uint8Array {
  const offset = format === "snp-report" ? SNP_OFFSET : offsetInQuote(quote);
  if (quote.length >= offset + REPORT_DATA_BYTES) return quote.subarray(offset, offset + REPORT_DATA_BYTES);
  throw new CheckFailure("ERR_EVIDENCE_FORMAT", `evidence of ${quote.length} bytes ends before its report data`);
}

function offsetInQuote(quote: Uint8Array): number {
  const { tee, version } = inStep("ERR_EVIDENCE_FORMAT", "quote", () => decodeQuoteHeader(quote));
  if (tee === undefined) throw new CheckFailure("ERR_EVIDENCE_FORMAT", "the quote is of an unknown TEE");
  return HEADER_BYTES + (version === 5 ? DESCRIPTOR_BYTES : 0) + QUOTE_OFFSETS[tee];
}
