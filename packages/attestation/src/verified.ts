import { InclavareError } from "@inclavare/errors";
import { CheckFailure, type CheckList, type Finding } from "./check.ts";
import type { Claims } from "./claims.ts";
import type { CollateralPeriod, Examination, VerifiedEvidence } from "./examination.ts";
import { decisiveCheck } from "./verdict.ts";

/**
 * Turns an examination all of whose checks have passed into verified evidence.
 * @throws InclavareError the code of the failed check that decides, with the whole list in `details.checks`
 */
export function toVerified(examination: Examination, list: CheckList, boundClaims?: Claims): VerifiedEvidence {
  const { checks } = list;
  const failed = decisiveCheck(checks);
  if (failed?.code !== undefined) {
    throw new InclavareError(failed.code, failed.message, {
      details: { checks: checks.map((check) => ({ ...check })) },
    });
  }
  const { measurement, reportData } = examination;
  if (measurement === null || reportData === undefined) {
    throw new InclavareError("ERR_INTERNAL", "a verification passed all checks and left a fact out");
  }
  const bound = boundClaims === undefined ? {} : { boundClaims };
  return { ...examination, measurement, reportData, checks: [...checks], ...bound };
}

/**
 * The check of the collateral's dates; the only one whose failure a policy may allow, so it says nothing about what the
 * collateral says.
 */
export function addCollateralTime(
  list: CheckList,
  periods: readonly CollateralPeriod[],
  { now, allowExpired }: { readonly now: Date; readonly allowExpired: boolean },
): void {
  if (periods.length === 0) {
    list.add({ check: "collateral-current", result: "skipped", message: "there is no collateral with a date" });
    return;
  }
  const step = (): Finding<true> => {
    assertCurrent(periods, now);
    const firstEnd = new Date(Math.min(...periods.map(({ notAfter }) => notAfter.getTime())));
    return { value: true, message: `everything verified here is current until ${firstEnd.toISOString()}` };
  };
  list.run("collateral-current", [], step, allowExpired ? "expired-collateral" : undefined);
}

function assertCurrent(periods: readonly CollateralPeriod[], now: Date): void {
  for (const { what, notBefore, notAfter } of periods) {
    if (now >= notBefore && now <= notAfter) continue;
    throw new CheckFailure(
      "ERR_COLLATERAL_EXPIRED",
      now > notAfter ? `${what} is past its date` : `${what} is not valid yet`,
      { expected: `${notBefore.toISOString()} to ${notAfter.toISOString()}`, actual: now.toISOString() },
    );
  }
}
