import { timingSafeEqual } from "node:crypto";
import { CheckList, failCheck as fail, type Finding } from "./check.ts";
import type { Claims } from "./claims.ts";
import { addContainerChecks } from "./container-claim.ts";
import type { VerifiedEvidence } from "./examination.ts";
import { addPlatformChecks } from "./platform-checks.ts";
import type { Allowance, Policy } from "./policy.ts";
import { addReferenceChecks } from "./reference.ts";
import type { TcbStatus } from "./dcap/tcb-status.ts";
import type { Verdict } from "./verdict.ts";
import { boundKeyOf, describeEvidence, validUntilOf } from "./verdict-claims.ts";
import { addCollateralTime } from "./verified.ts";

export interface AppraisalContext {
  /** The dates of the collateral are looked at anew, so that old evidence can be appraised again. */
  readonly now: Date;
  /** The challenge that the evidence must answer. Left out: refused, unless the policy allows `no-nonce`. */
  readonly nonce?: Uint8Array;
}

const REPORT_DATA_BYTES = 64;

/** What each status leaves open; each part can be allowed by its word. */
const OPEN_PARTS: Readonly<Record<Exclude<TcbStatus, "Revoked">, readonly Allowance[]>> = {
  UpToDate: [],
  SWHardeningNeeded: ["sw-hardening-needed"],
  ConfigurationNeeded: ["configuration-needed"],
  ConfigurationAndSWHardeningNeeded: ["configuration-needed", "sw-hardening-needed"],
  OutOfDate: ["out-of-date"],
  OutOfDateConfigurationNeeded: ["out-of-date", "configuration-needed"],
  TDRelaunchAdvised: ["out-of-date"],
  TDRelaunchAdvisedConfigurationNeeded: ["out-of-date", "configuration-needed"],
};

/** Compares verified evidence with what is wanted. Never throws for evidence: a refusal is a verdict, with its reasons. */
export function appraise(verified: VerifiedEvidence, policy: Policy, context: AppraisalContext): Verdict {
  const list = new CheckList();
  // The dates may have been looked at before; what counts is this moment.
  for (const check of verified.checks) if (check.check !== "collateral-current") list.add(check);
  const allowed = (word: Allowance): Allowance | undefined => (policy.allow.includes(word) ? word : undefined);
  addCollateralTime(list, verified.periods, {
    now: context.now,
    allowExpired: allowed("expired-collateral") !== undefined,
  });
  list.run("simulated", [], () => checkGenuine(verified), allowed("simulated"));
  list.run("debug", [], () => checkProduction(verified), allowed("debug"));
  for (const { check, allowance, test } of verified.conditions) {
    list.run(check, [], () => test(policy, context.now), allowance === undefined ? undefined : allowed(allowance));
  }
  const words = { debug: allowed("debug"), noReference: allowed("no-reference") };
  // In a guest that is the TEE as a whole, a container is what is wanted, and the guest what vouches for it.
  if (!addContainerChecks(list, verified, { policy, allowed: words })) {
    addReferenceChecks(list, verified.measurement, policy.referenceValues, words.noReference);
  }
  addPlatformChecks(list, verified, policy);
  addNonceCheck(list, verified, { ...context, allowance: allowed("no-nonce") });
  addTcbChecks(list, verified, policy);
  const isRefused = list.checks.some(({ result }) => result === "failed");
  const { tee, tcb, measurement } = verified;
  return {
    verdict: isRefused ? "refused" : "accepted",
    tee,
    tcb,
    measurement,
    boundKey: boundKeyOf(verified, verified.boundClaims),
    validUntil: validUntilOf(verified),
    checks: [...list.checks],
    claims: describeEvidence(verified, verified.boundClaims),
  };
}

/** The nonce is in the claims that the report data binds, or, where none came along, is the report data itself. */
export function addNonceCheck(
  list: CheckList,
  {
    boundClaims,
    reportData,
  }: { readonly boundClaims?: Claims | undefined; readonly reportData: Uint8Array | undefined },
  { nonce, allowance }: { readonly nonce?: Uint8Array; readonly allowance?: Allowance | undefined },
): void {
  if (nonce === undefined) {
    const message = "the verifier gave no nonce, so the evidence may be old";
    list.run("nonce", [], () => fail("ERR_POLICY_NO_NONCE", message), allowance);
    return;
  }
  list.run("nonce", [], () => {
    const place = boundClaims === undefined ? "report data" : "claim nonce";
    const isPadded = boundClaims === undefined && reportData?.length === REPORT_DATA_BYTES;
    const expected = isPadded ? padded(nonce) : nonce;
    const actual = boundClaims === undefined ? reportData : boundClaims.nonce;
    if (actual === undefined || actual.length !== expected.length || !timingSafeEqual(actual, expected)) {
      const found = actual === undefined ? "none" : Buffer.from(actual).toString("hex");
      fail("ERR_POLICY_NONCE", `${place} is not the verifier's nonce`, Buffer.from(expected).toString("hex"), found);
    }
    return { value: true, message: `${place} is the verifier's nonce` };
  });
}

function padded(nonce: Uint8Array): Uint8Array {
  return nonce.length >= REPORT_DATA_BYTES ? nonce : Buffer.concat([nonce], REPORT_DATA_BYTES);
}

function checkGenuine({ tee }: VerifiedEvidence): Finding<true> {
  if (tee !== "simulated") return { value: true, message: "the trust anchor is a hardware vendor's" };
  return fail(
    "ERR_POLICY_SIMULATED",
    "the evidence is simulated: its trust anchor is not a hardware vendor's",
    "a hardware TEE",
    tee,
  );
}

function checkProduction({ measurement }: VerifiedEvidence): Finding<true> {
  if (!measurement.debug) return { value: true, message: "not in debug mode" };
  return fail("ERR_POLICY_DEBUG", "in debug mode: its memory can be read from outside", "debug off", "debug on");
}

function addTcbChecks(list: CheckList, { tcb }: VerifiedEvidence, policy: Policy): void {
  if (tcb?.status === undefined) return;
  const { acceptedTcbStatuses, acceptedAdvisories, minEvaluationDataNumber, allow } = policy;
  const { status, advisories, evaluationDataNumber } = tcb;
  const isAccepted = acceptedTcbStatuses.includes(status);
  // A revoked platform does not get here; should it, no word opens the door.
  const open = status === "Revoked" ? undefined : OPEN_PARTS[status];
  const words = !isAccepted && open?.every((word) => allow.includes(word)) === true ? open.join(", ") : undefined;
  list.run(
    "tcb-status",
    [],
    () => {
      const listed = advisories.length === 0 ? "no advisories" : `advisories ${advisories.join(", ")}`;
      if (isAccepted && status !== "Revoked")
        return { value: true, actual: status, message: `${status} is accepted; ${listed}` };
      return fail(
        "ERR_POLICY_TCB_STATUS",
        `the policy does not accept this TCB status; ${listed}`,
        acceptedTcbStatuses.join(" or "),
        status,
      );
    },
    words,
  );
  if (acceptedAdvisories !== undefined) {
    list.run("advisories", [], () => {
      const open = advisories.filter((id) => !acceptedAdvisories.includes(id));
      if (open.length === 0) return { value: true, message: "the policy lists every advisory that applies" };
      return fail(
        "ERR_POLICY_ADVISORY",
        "an advisory applies that the policy does not list",
        acceptedAdvisories.join(", "),
        open.join(", "),
      );
    });
  }
  if (minEvaluationDataNumber !== undefined) {
    list.run("evaluation-data-number", [], () => {
      const [expected, actual] = [`${minEvaluationDataNumber} or above`, String(evaluationDataNumber)];
      if (evaluationDataNumber >= minEvaluationDataNumber) {
        return { value: true, expected, actual, message: "the collateral is as recent as the policy wants" };
      }
      return fail("ERR_POLICY_EVALUATION", "the collateral is older than the policy wants", expected, actual);
    });
  }
}
