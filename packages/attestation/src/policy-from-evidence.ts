/** A policy that takes exactly what a piece of evidence speaks of, as the beginning of one's own. */
import type { JsonValue } from "@inclavare/errors";
import { containerOfVerdict } from "./container-claim.ts";
import type { MeasurementVerdict } from "./measurement.ts";
import type { Allowance, Policy, ReferenceValue } from "./policy.ts";
import { fieldsOf, type ReferenceField } from "./reference-fields.ts";
import type { Verdict } from "./verdict.ts";

export interface PolicyFromEvidenceOptions {
  /** Where the evidence came from; the reference's `source`, and repeated by every verdict. */
  readonly source: string;
  /** Words that the policy is to have; nothing else is allowed by it. */
  readonly allow: readonly Allowance[];
  /** Bind the policy to this very machine too. */
  readonly pinPlatform: boolean;
}

/** A privilege level above it is the host's, and never wanted. */
const HIGHEST_VMPL = 3;
/** Nitro's PCR4 is the parent instance's, as CHIP_ID is a chip's. */
const OF_ONE_MACHINE: ReadonlySet<string> = new Set(["pcr4"]);

/** Where the value of each member came from. */
const ORIGINS: Readonly<Partial<Record<keyof Policy, string>>> = {
  referenceValues:
    "measured by the TEE, as the evidence says; compare them with your own build before you rely on them",
  guestImages: "measured by the hardware: whose word about the container counts; compare it with your own guest image",
  acceptedTcbStatuses: "the strictest, whatever this platform's status is",
  minEvaluationDataNumber: "of the collateral that the evidence was verified with: older collateral is refused",
  minSnpTcb: "REPORTED_TCB of the evidence: older firmware is refused",
  acceptedVmpls: "the privilege level that the evidence is of",
  minTdxModuleSvn: "TEE_TCB_SVN of the evidence: an older TDX module, and one of another version, is refused",
  acceptedFmspcs: "the platform type in the PCK certificate",
  acceptedPlatforms: "the platform in the PCK certificate",
  allow: "the words that were given; each lets something in that is refused otherwise",
};

/**
 * Every member of the measurement as it is, versions as minima, the firmware as the least that will do. UpToDate is all
 * that it accepts, also where this platform is not.
 * @param verdict of evidence that was verified; `null` measurements are for nobody.
 * @throws InclavareError ERR_CLAIMS_FORMAT where a container's claim in it cannot be read
 */
export function policyFromEvidence(
  verdict: Verdict & { readonly measurement: MeasurementVerdict },
  { source, allow, pinPlatform }: PolicyFromEvidenceOptions,
): Policy {
  const { measurement, tcb, claims } = verdict;
  const own = { ...referenceOf(measurement, pinPlatform), source };
  const container = containerReferenceOf(verdict);
  const policy: Policy = {
    // A guest vouches for its container: then both are named, each in its place.
    ...(container === undefined
      ? { referenceValues: [own] }
      : { guestImages: [own], referenceValues: [{ ...container, source }] }),
    acceptedTcbStatuses: ["UpToDate"],
    ...(tcb?.status === undefined ? {} : { minEvaluationDataNumber: tcb.evaluationDataNumber }),
    ...(tcb !== null && tcb.status === undefined ? { minSnpTcb: { [tcb.product]: tcb.reported } } : {}),
    ...(measurement.tee === "sev-snp" && measurement.vmpl <= HIGHEST_VMPL ? { acceptedVmpls: [measurement.vmpl] } : {}),
    ...(measurement.tee === "tdx" ? { minTdxModuleSvn: moduleOf(measurement.teeTcbSvn) } : {}),
    ...(pinPlatform ? platformOf(claims["pckCertificate"]) : {}),
    allow: [...new Set(allow)],
  };
  const comment = Object.keys(policy).flatMap((member) => {
    const origin = ORIGINS[member as keyof Policy];
    return origin === undefined ? [] : [`${member}: ${origin}`];
  });
  return { comment, ...policy };
}

function referenceOf(measurement: MeasurementVerdict, pinPlatform: boolean): Record<string, unknown> {
  const values = measurement as unknown as Readonly<Record<string, unknown>>;
  const fields = Object.entries<ReferenceField>(fieldsOf(measurement.tee)).filter(
    ([name, { code }]) => pinPlatform || !(OF_ONE_MACHINE.has(name) || isOfOneMachine(code)),
  );
  const reference = Object.fromEntries(
    fields.flatMap(([name, { of = name }]) => (values[of] === undefined ? [] : [[name, values[of]]])),
  );
  return measurement.tee === "tdx" ? withoutModule(reference) : reference;
}

function isOfOneMachine(code: ReferenceField["code"]): boolean {
  return code === "ERR_POLICY_PLATFORM";
}

/** What a container in a guest is, by the claim that the guest's evidence binds. */
function containerReferenceOf(verdict: Verdict): Omit<ReferenceValue, "source"> | undefined {
  const container = containerOfVerdict(verdict);
  if (container === undefined) return undefined;
  const { mrEnclave, mrSigner, isvProdId, isvSvn } = container;
  return { mrEnclave, mrSigner, isvProdId, minIsvSvn: isvSvn };
}

/** The TDX module is updated under running guests: `minTdxModuleSvn` says what is too old, not its hash or version. */
function withoutModule({ mrSeam: _mrSeam, minTeeTcbSvn, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return { ...rest, minTeeTcbSvn: `0000${String(minTeeTcbSvn).slice(4)}` };
}

/** Bytes 0 and 1 of TEE_TCB_SVN: security version and version of the TDX module. */
function moduleOf(teeTcbSvn: string): Readonly<Record<string, number>> {
  const [isvSvn = 0, version = 0] = Buffer.from(teeTcbSvn, "hex");
  return { [String(version)]: isvSvn };
}

/** From the claims of a quote; the instance id where there is one: it stands for all packages of the platform. */
function platformOf(pck: JsonValue | undefined): Partial<Policy> {
  if (!isObject(pck)) return {};
  const { FMSPC: fmspc, PPID: ppid, "platform instance id": instance } = pck;
  const id = instance ?? ppid;
  return {
    ...(typeof fmspc === "string" ? { acceptedFmspcs: [fmspc] } : {}),
    ...(typeof id === "string" ? { acceptedPlatforms: [id] } : {}),
  };
}

function isObject(value: JsonValue | undefined): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
