/** Verdicts to issue tokens over. */
import { ERROR_CODES, type ErrorCode } from "@inclavare/errors";
import fc from "fast-check";
import { TCB_STATUSES, type Verdict } from "../src/index.ts";
import { MEANING_OF_CHECKS } from "../src/ear/check-meaning.ts";

export const NOW = new Date("2025-06-15T00:00:00Z");

const SGX = {
  tee: "sgx",
  mrEnclave: "aa".repeat(32),
  mrSigner: "bb".repeat(32),
  isvProdId: 3,
  isvSvn: 7,
  configId: "00".repeat(64),
  configSvn: 0,
  isvExtProdId: "00".repeat(16),
  isvFamilyId: "00".repeat(16),
  debug: false,
} as const;

export function sampleVerdict(change: Partial<Verdict> = {}): Verdict {
  return {
    verdict: "accepted",
    tee: "sgx",
    tcb: { status: "UpToDate", advisories: [], evaluationDataNumber: 17 },
    measurement: SGX,
    boundKey: null,
    validUntil: "2025-07-01T00:00:00.000Z",
    checks: [
      { check: "quote-signature", result: "ok", message: "the attestation key signed header and report body" },
      { check: "nonce", result: "ok", message: "report data is the verifier's nonce" },
    ],
    claims: { MRENCLAVE: SGX.mrEnclave },
    ...change,
  };
}

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const ofCause = (cause: string | undefined): ErrorCode[] => CODES.filter((code) => ERROR_CODES[code].cause === cause);

/** A check by name, with any outcome; its code is one of the cause that a check of that sort has. */
const anyCheck = fc
  .tuple(
    fc.constantFrom(...Object.keys(MEANING_OF_CHECKS), "quote-signature", "of-tomorrow"),
    fc.constantFrom("ok", "failed", "allowed", "skipped"),
    fc.constantFrom(...ofCause("policy")),
  )
  .map(([check, result, code]) => ({
    check,
    result,
    ...(result === "failed" || result === "allowed" ? { code } : {}),
    message: "as found",
  }));

/** What the checks of a verdict say, its conclusion says too. */
export const anyVerdict: fc.Arbitrary<Verdict> = fc
  .record({
    checks: fc.array(anyCheck, { maxLength: 12 }),
    status: fc.constantFrom(...TCB_STATUSES.filter((status) => status !== "Revoked")),
    tee: fc.constantFrom("sgx", "simulated"),
    debug: fc.boolean(),
    isVerified: fc.boolean(),
    bad: fc.option(fc.constantFrom(...ofCause("evidence"), ...ofCause("collateral")), { nil: undefined, freq: 3 }),
    validUntil: fc.option(
      fc.date({ min: new Date("2025-06-15T00:00:02Z"), max: new Date("2026-01-01T00:00:00Z"), noInvalidDate: true }),
    ),
  })
  .map(({ checks: own, status, tee, debug, isVerified, bad, validUntil }) => {
    const broken = { check: "quote-signature", result: "failed", code: bad, message: "broken" } as const;
    const checks = (bad === undefined ? own : [...own, broken]) as Verdict["checks"];
    const isRefused = checks.some(({ result }) => result === "failed");
    return sampleVerdict({
      verdict: isRefused ? "refused" : isVerified ? "verified" : "accepted",
      tee,
      tcb: { status, advisories: [], evaluationDataNumber: 17 },
      measurement: { ...SGX, debug },
      validUntil: validUntil?.toISOString() ?? null,
      checks,
    });
  });
