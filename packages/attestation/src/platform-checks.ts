/** Which machines a policy wants: platform types, and single machines by their identifiers. */
import { type CheckList, failCheck, type Finding } from "./check.ts";
import type { VerifiedEvidence } from "./examination.ts";
import type { Policy } from "./policy.ts";

/** Adds a check for each pair of lists of which the policy has one. */
export function addPlatformChecks(list: CheckList, { measurement, platform }: VerifiedEvidence, policy: Policy): void {
  const { acceptedFmspcs, refusedFmspcs, acceptedPlatforms, refusedPlatforms } = policy;
  const { fmspc, ids } = platform;
  // Platform types are Intel's: a policy for several TEEs says nothing of the others by them.
  const isIntel = measurement.tee === "sgx" || measurement.tee === "tdx";
  if (isIntel && (acceptedFmspcs ?? refusedFmspcs) !== undefined) {
    const values = fmspc === undefined ? [] : [fmspc];
    list.run("fmspc", [], () => compare("FMSPC", values, { accepted: acceptedFmspcs, refused: refusedFmspcs }));
  }
  if ((acceptedPlatforms ?? refusedPlatforms) !== undefined) {
    const lists = { accepted: acceptedPlatforms, refused: refusedPlatforms };
    list.run("platform-id", [], () => compare("platform identifier", ids, lists));
  }
}

interface Lists {
  readonly accepted: readonly string[] | undefined;
  readonly refused: readonly string[] | undefined;
}

/** Evidence that does not say where it comes from may come from a refused machine. */
function compare(what: string, values: readonly string[], { accepted, refused = [] }: Lists): Finding<true> {
  const code = "ERR_POLICY_PLATFORM";
  const wanted = accepted === undefined ? `none of ${refused.join(", ")}` : accepted.join(" or ");
  if (values.length === 0) return failCheck(code, `the evidence has no ${what}, of which the policy speaks`, wanted);
  const actual = values.join(", ");
  const denied = values.find((value) => refused.includes(value));
  if (denied !== undefined) return failCheck(code, `the policy refuses this ${what}`, `not ${denied}`, actual);
  if (accepted === undefined || values.some((value) => accepted.includes(value))) {
    return { value: true, expected: wanted, actual, message: `the policy accepts this ${what}` };
  }
  return failCheck(code, `the policy does not list this ${what}`, wanted, actual);
}
