/** The fields of an SGX quote under the names that Intel's documents give them. */
import type { Quote } from "@inclavare/sgx";
import { describeEnvelope, describeReport, type Fields } from "../dcap/claims.ts";
import type { PckExtensions } from "../dcap/pck-extensions.ts";

/** The enclave's own fields stand at the top; header, QE report and platform are groups of their own. */
export function describeSgxQuote(quote: Quote, pck: PckExtensions | undefined): Fields {
  return { ...describeReport(quote.reportBody), ...describeEnvelope(quote, pck) };
}
