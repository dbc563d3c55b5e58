import type { Finding } from "./check.ts";
import type { Allowance, Policy } from "./policy.ts";

/**
 * What a policy has to settle about evidence of one kind, beside its measurement: how the TEE was launched, and what could
 * not be established. The room of the TEE makes these; the appraisal runs them.
 */
export interface Condition {
  /** Name of the check. */
  readonly check: string;
  /** The word that lets a failure pass; left out: none does. */
  readonly allowance?: Allowance;
  /** @throws CheckFailure where the policy does not want it */
  readonly test: (policy: Policy, now: Date) => Finding<true>;
}

/** The finding of a condition that is met. */
export function met(message: string, facts: Pick<Finding<true>, "expected" | "actual"> = {}): Finding<true> {
  return { value: true, message, ...facts };
}
