/** The trustworthiness vector of a verdict. @see draft-fv-rats-ear, section 3 */
import { ERROR_CODES, type ErrorCode } from "@inclavare/errors";
import type { Check } from "../check.ts";
import { isOfDebug } from "../container-claim.ts";
import type { TcbStatus } from "../dcap/tcb-status.ts";
import type { MeasurementVerdict } from "../measurement.ts";
import type { Verdict } from "../verdict.ts";
import {
  AR4SI,
  GENERIC,
  tierOf,
  TRUST_CLAIMS,
  type TrustClaim,
  type TrustTier,
  type TrustVector,
  worstTier,
} from "./ar4si.ts";
import { MEANING_OF_CHECKS } from "./check-meaning.ts";

/** Codes of evidence that is signed as it should be, and speaks of hardware that nobody should rely on. */
const HARDWARE_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  ERR_TCB_REVOKED: AR4SI.contraindicatedHardware,
  ERR_TCB_NOT_SUPPORTED: AR4SI.unrecognizedHardware,
  ERR_TDX_MODULE: AR4SI.unrecognizedHardware,
};

const FORMAT_CODES: ReadonlySet<ErrorCode> = new Set(["ERR_EVIDENCE_FORMAT", "ERR_EVIDENCE_UNSUPPORTED"]);

/** What a TCB status says of the platform's firmware, and of its configuration. */
const TCB_MEANING: Readonly<Record<TcbStatus, Partial<Record<"hardware" | "configuration", number>>>> = {
  UpToDate: {},
  SWHardeningNeeded: { configuration: AR4SI.unsafeConfiguration },
  ConfigurationNeeded: { configuration: AR4SI.unsafeConfiguration },
  ConfigurationAndSWHardeningNeeded: { configuration: AR4SI.unsafeConfiguration },
  OutOfDate: { hardware: AR4SI.unsafeHardware },
  OutOfDateConfigurationNeeded: { hardware: AR4SI.unsafeHardware, configuration: AR4SI.unsafeConfiguration },
  TDRelaunchAdvised: { hardware: AR4SI.unsafeHardware },
  TDRelaunchAdvisedConfigurationNeeded: {
    hardware: AR4SI.unsafeHardware,
    configuration: AR4SI.unsafeConfiguration,
  },
  Revoked: { hardware: AR4SI.contraindicatedHardware },
};

/**
 * The status of a verdict: never better than the worst member of its vector; contraindicated where it is refused; at best
 * a warning where it took an exception, and where no policy was applied.
 */
export function trustStatusOf({ verdict, checks }: Verdict, vector: TrustVector): TrustTier {
  const tiers = Object.values(vector).map(tierOf);
  const hasException = checks.some(({ result }) => result === "allowed");
  const own = { accepted: hasException ? "warning" : "none", verified: "warning", refused: "contraindicated" } as const;
  return worstTier([...tiers, own[verdict]]);
}

/** What the checks of a verdict come to, claim by claim. */
export function trustVectorOf(verdict: Verdict): TrustVector {
  const failures = verdict.checks.filter(({ result }) => result === "failed");
  const causes = failures.map(({ code }) => (code === undefined ? undefined : ERROR_CODES[code].cause));
  if (causes.includes("evidence")) return vectorOfBadEvidence(failures);
  if (causes.includes(undefined)) return all(GENERIC.malfunction);
  // Nobody knows yet whether it is true; or there was none at all.
  if (causes.includes("collateral") || verdict.measurement === null) {
    return { ...all(GENERIC.noClaim), hardware: AR4SI.unrecognizedHardware };
  }
  return vectorOfTrueEvidence(verdict);
}

/** Evidence that nobody can believe says nothing good about anything. */
function vectorOfBadEvidence(failures: readonly Check[]): TrustVector {
  const codes = failures.flatMap(({ code }) =>
    code !== undefined && ERROR_CODES[code].cause === "evidence" ? [code] : [],
  );
  const rest = codes.filter((code) => !(code in HARDWARE_CODES));
  if (rest.some((code) => !FORMAT_CODES.has(code))) return all(GENERIC.cryptographicFailure);
  if (rest.length > 0) return all(GENERIC.unexpected);
  const hardware = Math.max(...codes.map((code) => HARDWARE_CODES[code] ?? AR4SI.unrecognizedHardware));
  return { ...all(GENERIC.noClaim), hardware };
}

function vectorOfTrueEvidence(verdict: Verdict): TrustVector {
  const { tee, tcb, measurement, checks } = verdict;
  const isAppraised = verdict.verdict !== "verified";
  const vector: Record<TrustClaim, number> = {
    ...all(GENERIC.noClaim),
    "instance-identity": AR4SI.trustworthyInstance,
    configuration: isAppraised ? AR4SI.approvedConfiguration : GENERIC.noClaim,
    executables: isAppraised ? approvedExecutables(measurement) : AR4SI.unrecognizedExecutables,
    hardware: AR4SI.genuineHardware,
    "runtime-opaque": opacityOf(measurement),
  };
  const lower = (claims: Partial<Record<TrustClaim, number>>): void => {
    for (const [claim, value] of Object.entries(claims) as [TrustClaim, number][]) {
      vector[claim] = worse(vector[claim], value);
    }
  };
  for (const check of checks) if (check.result === "failed" || check.result === "allowed") lower(meaningOf(check));
  if (tcb?.status !== undefined) {
    const { hardware, configuration } = TCB_MEANING[tcb.status];
    const areListed = checks.some(({ check, result }) => check === "advisories" && result === "ok");
    lower({
      ...(hardware === undefined ? {} : { hardware }),
      // The policy knows what the configuration leaves open, advisory by advisory.
      ...(configuration === undefined || areListed ? {} : { configuration }),
    });
  }
  // Facts count, whatever a policy made of them.
  if (tee === "simulated") {
    lower({ hardware: AR4SI.unrecognizedHardware, "instance-identity": AR4SI.unrecognizedInstance });
  }
  if (isOfDebug(verdict)) {
    lower({ "runtime-opaque": AR4SI.visibleRuntime, configuration: AR4SI.unsupportableConfiguration });
  }
  return vector;
}

function meaningOf({ check, result }: Check): Partial<Record<TrustClaim, number>> {
  const meaning = MEANING_OF_CHECKS[check];
  if (meaning === undefined) return { configuration: AR4SI.unsupportableConfiguration };
  return result === "allowed" ? { ...meaning.failed, ...meaning.allowed } : meaning.failed;
}

/** SGX measures all that runs in the enclave; the others measure what a guest boots with. */
function approvedExecutables(measurement: MeasurementVerdict | null): number {
  return measurement?.tee === "sgx" ? AR4SI.approvedRuntime : AR4SI.approvedBoot;
}

/** Nitro and TrustZone keep others out of the memory, and do not encrypt it. */
function opacityOf(measurement: MeasurementVerdict | null): number {
  const isIsolated = measurement?.tee === "nitro" || measurement?.tee === "psa";
  return isIsolated ? AR4SI.isolatedRuntime : AR4SI.encryptedRuntime;
}

/** No claim is worse than a good one; otherwise the worse tier, and in one tier the higher value. */
function worse(a: number, b: number): number {
  const [rankA, rankB] = [a, b].map((value) => RANKS[tierOf(value)]) as [number, number];
  if (rankA !== rankB) return rankA > rankB ? a : b;
  return Math.max(a, b);
}

const RANKS: Readonly<Record<TrustTier, number>> = { affirming: 0, none: 1, warning: 2, contraindicated: 3 };

function all(value: number): Record<TrustClaim, number> {
  return Object.fromEntries(TRUST_CLAIMS.map((claim) => [claim, value])) as Record<TrustClaim, number>;
}
