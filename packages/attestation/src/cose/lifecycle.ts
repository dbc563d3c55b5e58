/** The security lifecycle of an Arm platform. @see RFC 9783, section 4.3.1; Arm CCA security model, lifecycle */
import { failCheck } from "../check.ts";
import { type Condition, met } from "../condition.ts";

const STATES = [
  "unknown",
  "assembly-and-test",
  "rot-provisioning",
  "secured",
  "non-psa-rot-debug",
  "recoverable-debug",
  "decommissioned",
] as const;
const SECURED = 3;
const DEBUG: ReadonlySet<number> = new Set([4, 5]);

/** The state; the lower byte is the implementation's own. */
export function lifecycleState(lifecycle: number): string {
  return STATES[lifecycle >> 12] !== undefined && (lifecycle & 0x0f00) === 0
    ? (STATES[lifecycle >> 12] ?? "")
    : "reserved";
}

/** Somebody can look in; the policy has a word for that. */
export function isDebugLifecycle(lifecycle: number): boolean {
  return DEBUG.has(lifecycle >> 12) && (lifecycle & 0x0f00) === 0;
}

/** A platform that is neither secured nor in debug is not in anybody's hands yet, or no longer. */
export function lifecycleCondition(lifecycle: number): Condition {
  return {
    check: "lifecycle",
    test: () => {
      const state = lifecycleState(lifecycle);
      const isSecured = lifecycle >> 12 === SECURED && state !== "reserved";
      if (isSecured || isDebugLifecycle(lifecycle)) return met(`the platform is in state ${state}`, { actual: state });
      return failCheck("ERR_POLICY_LIFECYCLE", "the platform is not secured", "secured", state);
    },
  };
}
