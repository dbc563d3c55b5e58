/** Which of Intel's quote formats the bytes are. @see Intel SGX and TDX DCAP quote library API, quote headers v3, v4, v5 */
import { decodeQuoteHeader } from "@inclavare/sgx";
import { CheckFailure, inStep } from "../check.ts";

export interface QuoteFormat {
  readonly tee: "sgx" | "tdx";
  readonly version: number;
}

/** @throws CheckFailure ERR_EVIDENCE_FORMAT for versions, TEE types and pairs of them that do not exist */
export function readQuoteFormat(bytes: Uint8Array): QuoteFormat {
  const { version, tee, teeType } = inStep("ERR_EVIDENCE_FORMAT", "quote", () => decodeQuoteHeader(bytes));
  const exists = version === 3 ? tee === "sgx" : version === 4 || version === 5;
  if (exists && tee !== undefined) return { tee, version };
  throw new CheckFailure("ERR_EVIDENCE_FORMAT", "there is no such quote format", {
    expected: "version 3 of SGX, or version 4 or 5 of SGX or TDX",
    actual: `version ${version}, TEE type 0x${teeType.toString(16)}`,
  });
}
