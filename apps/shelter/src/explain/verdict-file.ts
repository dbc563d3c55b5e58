/** Verdicts as `-o json` prints them, read back. */
import type { Verdict } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import { isCheck, TEES } from "./explain.ts";

const VERDICTS: readonly unknown[] = ["accepted", "refused", "verified"];
const MOST_CHECKS = 4096;

/**
 * As much of a verdict as is needed to explain it. It is as true as the file is one's own.
 * @param what names the input in errors.
 * @throws InclavareError ERR_VERDICT_FORMAT
 */
export function parseVerdict(text: string, what: string): Verdict {
  const fail = (problem: string, cause?: unknown): never => {
    throw new InclavareError("ERR_VERDICT_FORMAT", `${what} ${problem}`, cause === undefined ? {} : { cause });
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return fail("is not JSON", cause);
  }
  const { verdict, tee, checks, tcb, measurement, validUntil } = json as Readonly<Record<string, unknown>>;
  if (!VERDICTS.includes(verdict)) fail('has no member "verdict" that is accepted, refused or verified');
  if (typeof tee !== "string" || !Object.hasOwn(TEES, tee)) fail('has no member "tee" that is known');
  if (!Array.isArray(checks) || checks.length > MOST_CHECKS || !checks.every(isCheck)) fail("has no list of checks");
  return {
    ...(json as Verdict),
    tcb: isObject(tcb) ? (tcb as Verdict["tcb"]) : null,
    measurement: isObject(measurement) ? (measurement as Verdict["measurement"]) : null,
    validUntil: typeof validUntil === "string" ? validUntil : null,
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
