/** Decoding of SGX quotes: bytes to fields. */
import { decodeReportBody, type EnclaveReport, isDebug, type Quote } from "@inclavare/sgx";
import { CheckFailure } from "../check.ts";
import { decodeDcapQuote } from "../dcap/decode.ts";
import type { SgxMeasurement } from "../measurement.ts";

/** @throws CheckFailure ERR_EVIDENCE_FORMAT, also for a quote of TDX */
export function decodeSgxQuote(bytes: Uint8Array): Quote {
  const quote = decodeDcapQuote(bytes);
  if (quote.tee === "sgx") return { ...quote, reportBody: decodeReportBody(quote.body) };
  throw new CheckFailure("ERR_EVIDENCE_FORMAT", "the quote is not that of an SGX enclave", {
    expected: "enclave-report",
    actual: quote.bodyType,
  });
}

export function measurementOf(report: EnclaveReport): SgxMeasurement {
  return {
    tee: "sgx",
    mrEnclave: hex(report.mrEnclave),
    mrSigner: hex(report.mrSigner),
    isvProdId: report.isvProdId,
    isvSvn: report.isvSvn,
    configId: hex(report.configId),
    configSvn: report.configSvn,
    isvExtProdId: hex(report.isvExtProdId),
    isvFamilyId: hex(report.isvFamilyId),
    debug: isDebug(report),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
