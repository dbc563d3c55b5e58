/** The rules of form that DCAP adds to those of the quote's layout. */
import { decodeQuoteEnvelope, decodeQuoteHeader, type QuoteEnvelope, type QuoteTee } from "@inclavare/sgx";
import { CheckFailure, inStep } from "../check.ts";

/**
 * Decodes a quote of SGX or TDX; bytes after the signature data, which quote providers pad with, are ignored.
 * @throws CheckFailure ERR_EVIDENCE_FORMAT
 */
export function decodeDcapQuote(bytes: Uint8Array): QuoteEnvelope {
  const quote = inStep("ERR_EVIDENCE_FORMAT", "quote", () => decodeQuoteEnvelope(bytes));
  const { type } = quote.certificationData;
  if (type >= 1 && type <= 5) return quote;
  throw new CheckFailure("ERR_EVIDENCE_FORMAT", "the quote has certification data that no quote carries", {
    expected: "type 1 to 5",
    actual: `type ${type}`,
  });
}

/** Whose quote it is, by its header alone. @throws CheckFailure ERR_EVIDENCE_FORMAT for an unknown TEE */
export function teeOfQuote(bytes: Uint8Array): QuoteTee {
  const { tee, teeType } = inStep("ERR_EVIDENCE_FORMAT", "quote", () => decodeQuoteHeader(bytes));
  if (tee !== undefined) return tee;
  throw new CheckFailure("ERR_EVIDENCE_FORMAT", "the quote is of an unknown TEE", {
    expected: "TEE type 0x0 (SGX) or 0x81 (TDX)",
    actual: `0x${teeType.toString(16)}`,
  });
}
