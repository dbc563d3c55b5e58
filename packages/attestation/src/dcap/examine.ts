/** What SGX and TDX quotes have in common. @see Intel SGX DCAP Quote Verification Library; the steps are those of its documentation */
import { createHash, type KeyObject } from "node:crypto";
import type { CollateralBundle, QuoteEnvelope } from "@inclavare/sgx";
import { VerificationCache } from "../cache.ts";
import { assertValidAt, periodOfChain } from "../certificates.ts";
import { CheckFailure, type CheckList, type Finding } from "../check.ts";
import type { CollateralPeriod, PlatformIdentity } from "../examination.ts";
import { addTrustAnchor, anchorsFor, type TrustAnchor } from "../trust-anchors.ts";
import type { DcapTcb } from "../verdict.ts";
import type { Chain } from "./chain.ts";
import { examineCollateral, type Tools } from "./examine-collateral.ts";
import { p256PublicKey, verifyP256 } from "./p256.ts";
import { type Endorser, findPckChain, verifyPckChain } from "./pck.ts";
import type { PckExtensions } from "./pck-extensions.ts";
import type { DcapRules } from "./rules.ts";

export interface DcapVerification {
  readonly quote: Uint8Array;
  /** Left out: everything that the quote itself proves is checked, then ERR_COLLATERAL_MISSING is reported. */
  readonly collateral?: CollateralBundle;
  /** PEM certificates that may complete a quote that does not carry its PCK chain. */
  readonly endorsements?: string;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: Date;
  /** Left out: collateral past its date is refused. */
  readonly allowExpiredCollateral?: boolean;
  /** Left out: nothing is kept. */
  readonly cache?: VerificationCache;
  /** Whether the same quote will come again, as that of a certificate does: then its own signature is kept too. */
  readonly isLasting?: boolean;
}

/** What the checks of a quote have found, as far as they got. */
export interface DcapFindings {
  readonly pck: PckExtensions | undefined;
  readonly tcb: DcapTcb | undefined;
  readonly isSimulated: boolean;
  readonly periods: readonly CollateralPeriod[];
  readonly chains: readonly CollateralPeriod[];
  readonly platform: PlatformIdentity;
}

/**
 * Runs the checks of a decoded quote. The order is that of trust: what the quote proves by itself comes first, so that a
 * broken quote is called broken although its collateral is missing.
 */
export function examineQuote(
  quote: QuoteEnvelope,
  rules: DcapRules,
  { input, list }: { readonly input: DcapVerification; readonly list: CheckList },
): DcapFindings {
  const known = { cache: input.cache ?? new VerificationCache(), anchors: anchorsFor("Intel", input.trustAnchors) };
  const tools = { list, known };
  const endorser = examineEndorser(quote, input, tools);
  examineSignatures(quote, endorser.chain, { ...tools, isLasting: input.isLasting === true });
  const { tcb, periods } = examineCollateral(quote, endorser, { bundle: input.collateral, rules, ...tools });
  const { pck, chain, anchor } = endorser;
  const chains = chain === undefined ? [] : [periodOfChain(chain)];
  return { pck, tcb, isSimulated: anchor?.class === "simulated", periods, chains, platform: platformOf(pck) };
}

function platformOf(pck: PckExtensions | undefined): PlatformIdentity {
  if (pck === undefined) return { ids: [] };
  const { fmspc, platformInstanceId, ppid } = pck;
  const ids = [platformInstanceId, ppid].filter((id) => id !== undefined);
  return { fmspc: hex(fmspc), ids: ids.map(hex) };
}

function examineEndorser(quote: QuoteEnvelope, input: DcapVerification, { list, known }: Tools): Endorser {
  const verified = list.run("pck-chain", [], () => {
    const { pem, source } = findPckChain(quote, input);
    const value = verifyPckChain(pem, known);
    return {
      value,
      message: `"${value.chain.issuer.subject.commonName ?? ""}" certifies the platform; chain from ${source}`,
    };
  });
  const chain = verified?.chain;
  const anchor = addTrustAnchor(list, chain?.root, known.anchors);
  list.run("pck-time", [chain], (present) => {
    assertValidAt(present, input.now, "ERR_PCK_TIME");
    return { value: true, message: "every certificate of the PCK chain is valid at this time" };
  });
  return { chain, pck: verified?.extensions, anchor };
}

/** What the bytes of the quote prove among themselves and against the PCK certificate. */
function examineSignatures(
  quote: QuoteEnvelope,
  chain: Chain | undefined,
  { list, known, isLasting }: Tools & { readonly isLasting: boolean },
): void {
  // A platform's quoting enclave and its key stay the same from quote to quote.
  const { cache } = known;
  list.run("qe-report-signature", [chain], ({ leaf }) => {
    const { qeReportBytes, qeReportSignature } = quote;
    cache.remember("QE report", [qeReportBytes, qeReportSignature, leaf.spki].map(latin1), () => {
      if (verifyP256(leaf.publicKey, qeReportBytes, qeReportSignature)) return true;
      throw new CheckFailure("ERR_QE_REPORT_SIGNATURE", "the QE report is not signed by the PCK key");
    });
    return { value: true, message: "the platform's PCK key signed the quoting enclave's report" };
  });
  list.run("qe-report-data", [], () => assertQeReportData(quote));
  list.run("quote-signature", [], () => {
    const key = cache.remember("attestation key", [latin1(quote.attestationKey)], () => attestationKey(quote));
    const check = (): true => {
      if (verifyP256(key, quote.signedBytes, quote.signature)) return true;
      throw new CheckFailure("ERR_QUOTE_SIGNATURE", "the quote is not signed by its attestation key");
    };
    const value = isLasting
      ? cache.remember("quote", [quote.signature, quote.signedBytes, quote.attestationKey].map(latin1), check)
      : check();
    return { value, message: "the attestation key signed header and report body" };
  });
}

function attestationKey(quote: QuoteEnvelope): KeyObject {
  return p256PublicKey(quote.attestationKey, "ERR_QUOTE_SIGNATURE", "attestation key");
}

/** The quoting enclave vouches for the attestation key: hash in the first half of its report data, zeros in the other. */
function assertQeReportData({ attestationKey: key, qeAuthData, qeReport }: QuoteEnvelope): Finding<true> {
  const expected = Buffer.concat([sha256(Buffer.concat([key, qeAuthData])), Buffer.alloc(32)]);
  if (Buffer.compare(expected, qeReport.reportData) !== 0) {
    throw new CheckFailure("ERR_QE_REPORT_DATA", "the QE report is not for this attestation key", {
      expected: expected.toString("hex"),
      actual: Buffer.from(qeReport.reportData).toString("hex"),
    });
  }
  return { value: true, message: "the quoting enclave's report is for the attestation key" };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
