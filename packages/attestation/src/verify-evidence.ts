/** The one entry of everything that verifies: bytes of any known kind in, a verdict out. */
import type { InclavareError } from "@inclavare/errors";
import { isInclavareError } from "@inclavare/errors";
import { type CollateralBundle } from "@inclavare/sgx";
import type { Certificate } from "@inclavare/x509";
import { addNonceCheck, appraise } from "./appraise.ts";
import type { VerificationCache } from "./cache.ts";
import { type Carrier, openCarrier } from "./carrier.ts";
import { periodOfChain } from "./certificates.ts";
import { examineCcaToken } from "./cca/verify.ts";
import { CheckFailure, CheckList } from "./check.ts";
import { type Claims, decodeClaims, reportDataFor } from "./claims.ts";
import { teeOfQuote } from "./dcap/decode.ts";
import { examinedNothing, type Examination } from "./examination.ts";
import type { MeasurementVerdict } from "./measurement.ts";
import { examineNitroDocument } from "./nitro/verify.ts";
import { type Allowance, DEFAULT_POLICY, type Policy } from "./policy.ts";
import { examinePsaToken } from "./psa/verify.ts";
import { assertCertificate, assertHashOfKey, assertKeyClaim } from "./ratls/certificate.ts";
import { refuseSevReport, teeOfSevReport } from "./sev.ts";
import { examineSgxQuote } from "./sgx/verify.ts";
import { examineSnpReport, type VerifiedSignature, verifySignatureAside } from "./snp/verify.ts";
import { examineTdxQuote } from "./tdx/verify.ts";
import type { TrustAnchor } from "./trust-anchors.ts";
import { boundKeyOf, describeEvidence, validUntilOf } from "./verdict-claims.ts";
import type { Verdict } from "./verdict.ts";
import { addCollateralTime, toVerified } from "./verified.ts";

export interface VerifyEvidenceInput {
  /** A quote, report, token, document, certificate or evidence message; which of them is recognised. */
  readonly bytes: Uint8Array;
  /** Left out: what an evidence message brings along. */
  readonly collateral?: CollateralBundle;
  /** PEM certificates that endorse the platform, for evidence that does not carry them. */
  readonly endorsements?: readonly string[];
  /** Why collateral that the caller wanted to have could not be had; each is a failed check. */
  readonly sourceFailures?: readonly InclavareError[];
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: Date;
  /** The verifier's challenge. Left out: refused, unless `no-nonce` is allowed; not looked at with `evidenceOnly`. */
  readonly nonce?: Uint8Array;
  /** Left out: {@link DEFAULT_POLICY}, which has no reference values. */
  readonly policy?: Policy;
  /** In addition to what the policy allows. */
  readonly allow: readonly Allowance[];
  /** Stops before the policy; a nonce that is given is compared all the same. */
  readonly evidenceOnly: boolean;
  /** Left out: nothing is kept from one call to the next. */
  readonly cache?: VerificationCache;
}

/** Verifies and appraises. Bad evidence never throws: the verdict is `refused`, with the failed checks and their codes. */
export function verifyEvidence(input: VerifyEvidenceInput): Verdict {
  return judgeEvidence(input);
}

/**
 * As {@link verifyEvidence}, with the dearest signatures verified on another thread; what is left holds this one for about a
 * millisecond. The cache is needed, so that nothing is parsed twice.
 */
export async function verifyEvidenceAside(
  input: VerifyEvidenceInput & { readonly cache: VerificationCache },
): Promise<Verdict> {
  const carrier = openQuietly(input.bytes, input.cache);
  if (carrier?.form !== "snp-report") return judgeEvidence(input);
  const { cache } = input;
  const report = { report: carrier.evidence, ...endorsementsOf(carrier, input), cache };
  const verifiedSignature = await verifySignatureAside(report);
  return judgeEvidence(input, verifiedSignature === undefined ? {} : { verifiedSignature });
}

interface Beforehand {
  readonly verifiedSignature?: VerifiedSignature;
}

function openQuietly(bytes: Uint8Array, cache: VerificationCache): Carrier | undefined {
  try {
    return openCarrier(bytes, cache);
  } catch (error) {
    if (isInclavareError(error)) return undefined;
    throw error;
  }
}

function judgeEvidence(input: VerifyEvidenceInput, beforehand: Beforehand = {}): Verdict {
  const list = new CheckList();
  const carrier = list.run("evidence-format", [], () => {
    const value = openCarrier(input.bytes, input.cache);
    return { value, message: value.kind.replace("-", " ") };
  });
  for (const { code, message, details } of input.sourceFailures ?? []) {
    const actual = typeof details["status"] === "number" ? { actual: `status ${details["status"]}` } : {};
    list.add({ check: "collateral-source", result: "failed", code, ...actual, message });
  }
  const examined =
    carrier === undefined ? examinedNothing("unknown") : examine(carrier, { ...input, ...beforehand }, list);
  const examination = withCertificate(examined, carrier?.certificate);
  const claims = carrier === undefined ? undefined : examineBinding(carrier, examination, list, input);
  const hasFailed = list.checks.some(({ result }) => result === "failed");
  if (!hasFailed && !input.evidenceOnly) {
    const { policy = DEFAULT_POLICY, nonce, now } = input;
    const verified = toVerified(examination, list, claims);
    const effective = { ...policy, allow: [...policy.allow, ...input.allow] };
    return appraise(verified, effective, { now, ...(nonce === undefined ? {} : { nonce }) });
  }
  return concludeEvidence(examination, list, { input, claims });
}

/** A certificate that carries evidence brings the key, and ends itself. */
function withCertificate(examination: Examination, certificate: Certificate | undefined): Examination {
  if (certificate === undefined) return examination;
  const period = periodOfChain({ what: "certificate", certificates: [certificate] });
  return { ...examination, chains: [...examination.chains, period], boundKey: certificate.spki };
}

/** The verdict of an evidence-only verification, and of one that ends before the policy. */
function concludeEvidence(
  examination: Examination,
  list: CheckList,
  { input, claims }: { readonly input: VerifyEvidenceInput; readonly claims: Claims | undefined },
): Verdict {
  const allowed = [...input.allow, ...(input.policy?.allow ?? [])];
  const hasFailed = list.checks.some(({ result }) => result === "failed");
  addCollateralTime(list, examination.periods, {
    now: input.now,
    allowExpired: allowed.includes("expired-collateral"),
  });
  const { nonce } = input;
  if (!hasFailed && nonce !== undefined) addNonceCheck(list, { ...examination, boundClaims: claims }, { nonce });
  const isRefused = list.checks.some(({ result }) => result === "failed");
  return {
    verdict: isRefused ? "refused" : "verified",
    tee: examination.tee,
    tcb: examination.tcb,
    measurement: examination.measurement,
    boundKey: hasFailed ? null : boundKeyOf(examination, claims),
    validUntil: hasFailed ? null : validUntilOf(examination),
    checks: [...list.checks],
    claims: describeEvidence(examination, claims),
  };
}

/** Hands evidence to the room of its TEE. A further TEE is a further case here. */
function examine(carrier: Carrier, input: VerifyEvidenceInput & Beforehand, list: CheckList): Examination {
  const { evidence } = carrier;
  const tee = list.run("evidence-kind", [], () => {
    const value = teeOf(carrier);
    return { value, message: `evidence of ${value}` };
  });
  if (tee === undefined) return examinedNothing(carrier.form === "sev-report" ? teeOfSevReport(evidence) : "unknown");
  const { trustAnchors, now, cache } = input;
  const collateral = input.collateral ?? carrier.collateral;
  const { verifiedSignature } = input;
  const common = {
    trustAnchors,
    now,
    ...endorsementsOf(carrier, input),
    ...(cache === undefined ? {} : { cache }),
  };
  const isLasting = carrier.certificate !== undefined;
  const quote = { ...common, isLasting, quote: evidence, ...(collateral === undefined ? {} : { collateral }) };
  const examiners: Readonly<Record<typeof tee, () => Examination>> = {
    sgx: () => examineSgxQuote(quote, list),
    tdx: () => examineTdxQuote(quote, list),
    "sev-snp": () => {
      const aside = verifiedSignature === undefined ? {} : { verifiedSignature };
      return examineSnpReport({ ...common, report: evidence, ...aside }, list);
    },
    cca: () => examineCcaToken({ trustAnchors, token: evidence }, list),
    psa: () => examinePsaToken({ trustAnchors, token: evidence }, list),
    nitro: () => examineNitroDocument({ ...common, document: evidence }, list),
  };
  return examiners[tee]();
}

function endorsementsOf(carrier: Carrier, input: VerifyEvidenceInput): { readonly endorsements?: string } {
  const endorsements = [...(input.endorsements ?? []), carrier.endorsements ?? []].flat();
  return endorsements.length === 0 ? {} : { endorsements: endorsements.join("\n") };
}

/** @throws CheckFailure ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for what proves too little */
function teeOf({ form, evidence }: Carrier): MeasurementVerdict["tee"] {
  if (form === "quote") return teeOfQuote(evidence);
  return form === "sev-report" ? refuseSevReport(evidence) : TEE_OF_FORM[form];
}

const TEE_OF_FORM = {
  "snp-report": "sev-snp",
  "cca-token": "cca",
  "psa-token": "psa",
  "nitro-document": "nitro",
} as const;

/** What came with the evidence must be what the evidence speaks of. */
function examineBinding(
  { claims: claimsBytes, certificate, boundTo }: Carrier,
  { reportData }: Examination,
  list: CheckList,
  { now, cache }: Pick<VerifyEvidenceInput, "now" | "cache">,
): Claims | undefined {
  if (certificate !== undefined) {
    list.run("certificate", [], () => {
      assertCertificate(certificate, now, cache);
      return {
        value: true,
        message: "the certificate is valid at this time and, if self-issued, signed by its own key",
      };
    });
  }
  if (claimsBytes === undefined) {
    if (certificate === undefined) return undefined;
    list.run("key-binding", [reportData], (reportData) => {
      assertHashOfKey(boundTo ?? [], reportData);
      return { value: true, message: "the report data is the hash of the certificate's key" };
    });
    return undefined;
  }
  const claims = list.run("claims-binding", [reportData], (reportData) => {
    const expected = Buffer.from(reportDataFor(claimsBytes)).toString("hex");
    const actual = Buffer.from(reportData).toString("hex");
    if (expected !== actual) {
      throw new CheckFailure("ERR_EVIDENCE_UNBOUND", "the report data is not the hash of the claims", {
        expected,
        actual,
      });
    }
    return { value: decodeClaims(claimsBytes), message: "the report data is the hash of the claims" };
  });
  if (certificate !== undefined) {
    list.run("key-binding", [claims], (claims) => {
      assertKeyClaim(certificate, claims);
      return { value: true, message: "the claims name the certificate's key" };
    });
  }
  return claims;
}
