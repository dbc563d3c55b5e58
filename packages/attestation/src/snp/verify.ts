/** Verification of SEV-SNP reports. @see AMD 56860, attestation; AMD 57230, VCEK and VLEK */
import { type KeyObject, verify } from "node:crypto";
import { promisify } from "node:util";
import { isInclavareError } from "@inclavare/errors";
import { VerificationCache } from "../cache.ts";
import { assertValidAt, periodOfChain } from "../certificates.ts";
import { CheckFailure, CheckList, failCheck } from "../check.ts";
import { assertNotRevoked, verifiedCrl } from "../dcap/crl.ts";
import { type CollateralPeriod, examinedNothing, type Examination, type VerifiedEvidence } from "../examination.ts";
import { addTrustAnchor, anchorsFor, type TrustAnchor } from "../trust-anchors.ts";
import { addCollateralTime, toVerified } from "../verified.ts";
import { findVek, type SnpChain, verifySnpChain } from "./chain.ts";
import { describeSnpReport } from "./claims.ts";
import { snpConditions } from "./conditions.ts";
import { decodeSnpReport, isChipIdMasked, measurementOfGuest, signatureOf, type SnpReport } from "./decode.ts";
import { type Endorsements, parseEndorsements } from "./endorsements.ts";
import { decodeTcbVersion, productOfCpuid, type SnpProduct } from "./product.ts";
import type { Vek } from "./vek.ts";

export interface SnpVerification {
  /** 1184 bytes. */
  readonly report: Uint8Array;
  /** PEM: the VCEK or VLEK, its chain and revocation lists of its root. Left out: ERR_COLLATERAL_MISSING is reported. */
  readonly endorsements?: string;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: Date;
  /** Left out: a revocation list past its date is refused. */
  readonly allowExpiredCollateral?: boolean;
  /** Left out: nothing is kept. */
  readonly cache?: VerificationCache;
}

interface Beforehand {
  /** Left out: the signature is verified here and now. */
  readonly verifiedSignature?: VerifiedSignature;
}

/** A signature that was found right, so that it need not be verified again over the very same bytes. */
export interface VerifiedSignature {
  readonly report: Uint8Array;
  readonly publicKey: KeyObject;
}

/**
 * Verifies an SEV-SNP report: form, chain, time, revocation, signature, TCB and chip. Whether it is wanted is for
 * `appraise`.
 * @throws InclavareError the code of the check that decides, with the whole list in `details.checks`
 */
export function verifySnpReport(input: SnpVerification): VerifiedEvidence {
  const list = new CheckList();
  const examination = examineSnpReport(input, list);
  addCollateralTime(list, examination.periods, { now: input.now, allowExpired: input.allowExpiredCollateral === true });
  return toVerified(examination, list);
}

/** Runs the whole list of checks. */
export function examineSnpReport(input: SnpVerification & Beforehand, list: CheckList): Examination {
  const report = list.run("report-format", [], () => {
    const value = decodeSnpReport(input.report);
    return { value, message: `SEV-SNP report version ${value.version}, signed with ${value.signingKey}` };
  });
  if (report === undefined) return examinedNothing("sev-snp");
  const { chain, anchor, periods } = examineChain(report, input, list);
  const product = list.run("product", [chain], ({ vek }) => {
    return { value: productOf(report, vek), message: vek.productName };
  });
  examineReport(report, chain, { list, verifiedSignature: verifiedOf(input) });
  const tcbOf = (product: SnpProduct) => ({
    product,
    reported: decodeTcbVersion(report.reportedTcb, product),
    committed: decodeTcbVersion(report.committedTcb, product),
    current: decodeTcbVersion(report.currentTcb, product),
    launch: decodeTcbVersion(report.launchTcb, product),
  });
  const tcb = product === undefined ? undefined : tcbOf(product);
  return {
    tee: anchor?.class === "simulated" ? "simulated" : "sev-snp",
    measurement: measurementOfGuest(report),
    tcb: tcb ?? null,
    reportData: report.reportData,
    periods,
    chains: chain === undefined ? [] : [periodOfChain(chain)],
    platform: { ids: isChipIdMasked(report) ? [] : [hex(report.chipId)] },
    conditions: snpConditions(report, { platform: tcb, isRevocationKnown: periods.length > 0 }),
    claims: () => describeSnpReport(report, chain?.vek),
  };
}

interface ExaminedChain {
  readonly chain: SnpChain | undefined;
  readonly anchor: TrustAnchor | undefined;
  readonly periods: readonly CollateralPeriod[];
}

function examineChain(report: SnpReport, input: SnpVerification, list: CheckList): ExaminedChain {
  const { endorsements: pem = "", now, cache = new VerificationCache() } = input;
  const anchors = anchorsFor("AMD", input.trustAnchors);
  const endorsements = list.run("endorsements", [], () => {
    const value = cache.remember("endorsements", [pem], () => parseEndorsements(pem));
    const { certificates, crls } = value;
    return { value, message: `${certificates.length} certificates, ${crls.length} revocation lists` };
  });
  const chain = list.run("vek-chain", [endorsements], ({ certificates }) => {
    const value = verifySnpChain(findVek(certificates, report), certificates, { anchors, cache });
    return { value, message: `"${value.issuer.subject.commonName ?? ""}" certifies the ${value.vek.kind}` };
  });
  const anchor = addTrustAnchor(list, chain?.root, anchors);
  list.run("vek-time", [chain], (chain) => {
    assertValidAt(chain, now, "ERR_SNP_TIME");
    return { value: true, message: `every certificate of the ${chain.what} is valid at this time` };
  });
  const trusted = anchor === undefined ? undefined : chain;
  return { chain, anchor, periods: examineRevocation(trusted, endorsements, list) };
}

/** Lists are optional here, since AMD's key service is not always at hand: the policy decides about none. */
function examineRevocation(
  chain: SnpChain | undefined,
  endorsements: Endorsements | undefined,
  list: CheckList,
): CollateralPeriod[] {
  if (endorsements?.crls.length === 0) {
    list.add({ check: "vek-crl", result: "skipped", message: "no revocation list was given" });
    return [];
  }
  const periods = list.run("vek-crl", [chain, endorsements], ({ root, issuer, vek }, { crls }) => {
    const own = crls.filter((crl) => Buffer.compare(crl.issuer.raw, root.subject.raw) === 0);
    // None of the root: the check of the first one says whose it is.
    const verified = (own.length === 0 ? crls.slice(0, 1) : own).map(({ raw }) => verifiedCrl(raw, root, "CRL"));
    for (const crl of verified) {
      assertNotRevoked(issuer, crl, "CRL");
      assertNotRevoked(vek.certificate, crl, "CRL");
    }
    return {
      value: verified.map(({ thisUpdate, nextUpdate }) => ({
        what: "CRL",
        notBefore: thisUpdate,
        notAfter: nextUpdate,
      })),
      message: "signed by the root; it lists no certificate of the chain",
    };
  });
  return periods ?? [];
}

/** What report and certificate say of one another. */
function examineReport(
  report: SnpReport,
  chain: SnpChain | undefined,
  { list, verifiedSignature }: { readonly list: CheckList; readonly verifiedSignature: KeyObject | undefined },
): void {
  list.run("signing-key", [chain], ({ vek }) => {
    if (vek.kind === report.signingKey) return { value: true, message: `the report names a ${vek.kind}` };
    return failCheck("ERR_SNP_SIGNING_KEY", "the report names another kind of key", vek.kind, report.signingKey);
  });
  list.run("report-signature", [chain], ({ vek }) => {
    if (vek.certificate.publicKey !== verifiedSignature) assertSignature(report, vek);
    return { value: true, message: `the ${vek.kind} signed the report` };
  });
  list.run("tcb-binding", [chain], ({ vek }) => {
    const [expected, actual] = [hex(vek.tcbVersion), hex(report.reportedTcb)];
    if (expected === actual) return { value: true, actual, message: "REPORTED_TCB is that of the key" };
    return failCheck("ERR_SNP_TCB", "REPORTED_TCB is not the one that the key was derived from", expected, actual);
  });
  if (chain?.vek.hwid === undefined || isChipIdMasked(report)) {
    const reason = chain?.vek.kind === "VLEK" ? "a VLEK is bound to no chip" : "CHIP_ID is masked";
    list.add({
      check: "chip-id",
      result: "skipped",
      message: chain === undefined ? "there is no key to compare" : reason,
    });
    return;
  }
  const { hwid } = chain.vek;
  list.run("chip-id", [], () => {
    const [expected, actual] = [hex(hwid).padEnd(128, "0"), hex(report.chipId)];
    if (expected === actual) return { value: true, message: "CHIP_ID is the HWID of the VCEK" };
    return failCheck("ERR_SNP_CHIP_ID", "CHIP_ID is not the HWID of the VCEK", expected, actual);
  });
}

/** The product is the certificate's; from version 3 on the report must agree. */
function productOf({ cpuid }: SnpReport, { product }: Vek): SnpProduct {
  const own = cpuid === undefined ? product : productOfCpuid(cpuid.family, cpuid.model);
  if (own === product) return product;
  const actual =
    cpuid === undefined ? undefined : `family 0x${cpuid.family.toString(16)}, model 0x${cpuid.model.toString(16)}`;
  return failCheck("ERR_SNP_PRODUCT", "the report is of another product than its key", product, own ?? actual);
}

function assertSignature(report: SnpReport, { certificate, kind }: Vek): void {
  const signature = signatureOf(report);
  const key = { key: certificate.publicKey, dsaEncoding: "ieee-p1363" } as const;
  if (signature !== undefined && verify("sha384", report.signedBytes, key, signature)) return;
  throw new CheckFailure("ERR_SNP_SIGNATURE", `the report is not signed by the ${kind}`);
}

/** The key that was found to have signed exactly this report. */
function verifiedOf({ report, verifiedSignature }: SnpVerification & Beforehand): KeyObject | undefined {
  const isSame = verifiedSignature !== undefined && Buffer.compare(verifiedSignature.report, report) === 0;
  return isSame ? verifiedSignature.publicKey : undefined;
}

const verifyAside = promisify(verify);

/**
 * Verifies the report's signature on another thread: with P-384 it takes half a millisecond, more than all the rest.
 * @returns `undefined` where it is not right, or there is no telling yet; the examination says what is wrong.
 */
export async function verifySignatureAside(
  input: Pick<SnpVerification, "report" | "endorsements"> & { readonly cache: VerificationCache },
): Promise<VerifiedSignature | undefined> {
  const job = findJob(input);
  if (job === undefined) return undefined;
  const { signedBytes, signature, publicKey } = job;
  const isRight = await verifyAside("sha384", signedBytes, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
  return isRight ? { report: input.report, publicKey } : undefined;
}

function findJob({ report: bytes, endorsements: pem = "", cache }: Parameters<typeof verifySignatureAside>[0]) {
  try {
    const report = decodeSnpReport(bytes);
    const { certificates } = cache.remember("endorsements", [pem], () => parseEndorsements(pem));
    const { publicKey } = findVek(certificates, report).certificate;
    const signature = signatureOf(report);
    return signature === undefined ? undefined : { signedBytes: report.signedBytes, signature, publicKey };
  } catch (error) {
    if (isInclavareError(error)) return undefined;
    throw error;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
