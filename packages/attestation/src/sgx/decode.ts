/** Decoding of SGX quotes: bytes to fields, and the rules of form that DCAP adds. */
import { decodeQuote, type EnclaveReport, isDebug, type Quote } from "@inclavare/sgx";
import { CheckFailure, inStep } from "../check.ts";
import type { MeasurementVerdict } from "../verdict.ts";

/**
 * Decodes an SGX quote of version 3; bytes after the signature data, which quote providers pad with, are ignored.
 * @throws CheckFailure ERR_EVIDENCE_FORMAT
 */
export function decodeSgxQuote(bytes: Uint8Array): Quote {
  const quote = inStep("ERR_EVIDENCE_FORMAT", "SGX quote", () => decodeQuote(bytes));
  const { type } = quote.certificationData;
  if (type >= 1 && type <= 5) return quote;
  throw new CheckFailure("ERR_EVIDENCE_FORMAT", "quote has certification data that no quote of version 3 carries", {
    expected: "type 1 to 5",
    actual: `type ${type}`,
  });
}

export function measurementOf(report: EnclaveReport): MeasurementVerdict {
  return {
    mrEnclave: Buffer.from(report.mrEnclave).toString("hex"),
    mrSigner: Buffer.from(report.mrSigner).toString("hex"),
    isvProdId: report.isvProdId,
    isvSvn: report.isvSvn,
    debug: isDebug(report),
  };
}
