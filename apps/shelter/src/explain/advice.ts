/** What each code of a verdict means for the one who reads it, and what to do about it. */
import { ERROR_CODES, type ErrorCode, type VerdictCode } from "@inclavare/errors";
import { bindingAdvice } from "./advice-binding.ts";
import { collateralAdvice } from "./advice-collateral.ts";
import { evidenceAdvice } from "./advice-evidence.ts";
import { policyAdvice } from "./advice-policy.ts";
import { tokenAdvice } from "./advice-token.ts";

export interface Advice {
  /** Why it matters, in words for somebody who does not know the TEE. */
  readonly means: string;
  /** The next step. */
  readonly todo: string;
}

export type AdviceTable = Readonly<Partial<Record<VerdictCode, Advice>>>;

/** Has every code that can be in a verdict, or refuse a token: a new one without advice does not compile. */
export const ADVICE: Readonly<Record<VerdictCode, Advice>> = {
  ...evidenceAdvice,
  ...bindingAdvice,
  ...collateralAdvice,
  ...policyAdvice,
  ...tokenAdvice,
};

/** For any code: those outside the table are faults of this side, and their summary says which. */
export function adviceOn(code: ErrorCode): Advice {
  const table: Readonly<Partial<Record<ErrorCode, Advice>>> = ADVICE;
  return (
    table[code] ?? {
      means: `${ERROR_CODES[code].summary} It says nothing about the evidence.`,
      todo: "Mend this side, then verify again.",
    }
  );
}
