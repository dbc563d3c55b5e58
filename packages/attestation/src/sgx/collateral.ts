/** What the collateral says of an SGX platform. */
import type { CollateralBundle, Quote } from "@inclavare/sgx";
import type { Crl } from "@inclavare/x509";
import type { VerificationCache } from "../cache.ts";
import { CheckFailure, type CheckList, type Finding } from "../check.ts";
import {
  periodOfChain,
  type SignedDocument,
  verifyPckCrl,
  verifyQeIdentity,
  verifyRootCrl,
  verifyTcbInfo,
} from "../dcap/collateral.ts";
import type { PckExtensions } from "../dcap/pck-extensions.ts";
import { assertQeIdentity, type QeIdentity } from "../dcap/qe-identity.ts";
import type { TcbInfo } from "../dcap/tcb-info.ts";
import { selectEnclaveLevel, selectPlatformLevel, shortfall } from "../dcap/tcb-level.ts";
import { mergeTcbStatus } from "../dcap/tcb-status.ts";
import type { CollateralPeriod } from "../examination.ts";
import type { TcbVerdict } from "../verdict.ts";
import type { Endorser } from "./pck.ts";

/** What a verification writes to and keeps things in. */
export interface Tools {
  readonly list: CheckList;
  readonly cache: VerificationCache;
}

interface Collateral {
  readonly tcb: TcbVerdict | undefined;
  readonly periods: readonly CollateralPeriod[];
}

/** What the vendor says of the platform: revocation, TCB, the quoting enclave's identity. */
export function examineCollateral(
  quote: Quote,
  { chain, pck, anchor }: Endorser,
  { bundle: given, list, cache }: Tools & { readonly bundle: CollateralBundle | undefined },
): Collateral {
  const bundle = list.run("collateral", [], () => {
    return { value: expectCollateral(given), message: "collateral is there, and whole" };
  });
  // Nothing in the collateral is looked at before its root is trusted: it must end in the very same one.
  const trusted = anchor === undefined ? undefined : chain;
  const rootCrl = list.run("root-crl", [bundle, trusted], (bundle, { root, issuer }) => {
    const value = verifyRootCrl(bundle, { root, pckIssuer: issuer }, cache);
    return { value, message: "signed by the root; it does not list the PCK certificate's issuer" };
  });
  const pckCrl = list.run("pck-crl", [bundle, trusted, rootCrl], (bundle, chain, rootCrl) => {
    const value = verifyPckCrl(bundle, { chain, rootCrl }, cache);
    return { value, message: "signed by the PCK certificate's issuer; it does not list the PCK certificate" };
  });
  const tcbInfo = list.run("tcb-info", [bundle, trusted, pck, rootCrl], (bundle, { root }, pck, rootCrl) => {
    const value = verifyTcbInfo(bundle, { root, rootCrl }, cache);
    assertSamePlatform(pck, value.document);
    return { value, message: `version ${value.document.version}, for this platform's type` };
  });
  const qeIdentity = list.run("qe-identity", [bundle, trusted, rootCrl], (bundle, { root }, rootCrl) => {
    const value = verifyQeIdentity(bundle, { root, rootCrl }, cache);
    assertIdentityKind(value.document);
    return { value, message: "signed by the vendor, for SGX" };
  });
  list.run("qe-identity-match", [qeIdentity], ({ document }) => {
    assertQeIdentity(quote.qeReport, document);
    return { value: true, message: "the quoting enclave is the vendor's" };
  });
  // A platform whose certificate is revoked has no TCB status worth reporting.
  const tcb = list.run("tcb-level", [tcbInfo, qeIdentity, pck, pckCrl], (tcbInfo, qeIdentity, pck) =>
    evaluateTcb(quote, pck, { tcbInfo: tcbInfo.document, qeIdentity: qeIdentity.document }),
  );
  list.run("tcb-revocation", [tcb], ({ status }) => {
    if (status !== "Revoked") return { value: true, message: "the TCB level is not revoked" };
    throw new CheckFailure("ERR_TCB_REVOKED", "the vendor has revoked this TCB level", {
      expected: "any other status",
      actual: status,
    });
  });
  return { tcb, periods: collectPeriods({ rootCrl, pckCrl, tcbInfo, qeIdentity }) };
}

function expectCollateral(bundle: CollateralBundle | undefined): CollateralBundle {
  if (bundle === undefined) {
    throw new CheckFailure(
      "ERR_COLLATERAL_MISSING",
      "the quote can only be verified with collateral, and there is none",
    );
  }
  const empty = Object.entries(bundle).find(([, text]: readonly [string, string]) => text === "");
  if (empty === undefined) return bundle;
  throw new CheckFailure("ERR_COLLATERAL_MISSING", `member ${empty[0]} of the collateral is empty`);
}

function assertSamePlatform({ fmspc, pceId }: PckExtensions, tcbInfo: TcbInfo): void {
  const compare = (what: string, expected: string, actual: string): void => {
    if (expected === actual) return;
    throw new CheckFailure("ERR_COLLATERAL_MISMATCH", `TCB Info has another ${what} than the PCK certificate`, {
      expected,
      actual,
    });
  };
  compare("TEE", "SGX", tcbInfo.tee);
  compare("FMSPC", hex(fmspc), hex(tcbInfo.fmspc));
  compare("PCEID", hex(pceId), hex(tcbInfo.pceId));
}

function assertIdentityKind({ id }: QeIdentity): void {
  if (id === "QE") return;
  throw new CheckFailure("ERR_COLLATERAL_MISMATCH", "QE Identity is that of another enclave", {
    expected: "QE",
    actual: id,
  });
}

function evaluateTcb(
  quote: Quote,
  { tcb }: PckExtensions,
  { tcbInfo, qeIdentity }: { readonly tcbInfo: TcbInfo; readonly qeIdentity: QeIdentity },
): Finding<TcbVerdict> {
  const platform = selectPlatformLevel(tcb, tcbInfo);
  const enclave = selectEnclaveLevel(quote.qeReport.isvSvn, qeIdentity);
  const status = mergeTcbStatus(platform.status, enclave.status);
  const newest = tcbInfo.levels[0];
  const behind = newest === undefined ? undefined : shortfall(tcb, newest);
  const parts = [
    `platform ${platform.status} (level of ${day(platform.tcbDate)})`,
    `quoting enclave ${enclave.status} (level of ${day(enclave.tcbDate)})`,
    ...(behind === undefined ? [] : [`to the newest level: ${behind}`]),
  ];
  return {
    value: {
      status,
      advisories: [...new Set([...platform.advisories, ...enclave.advisories])],
      evaluationDataNumber: Math.min(tcbInfo.evaluationDataNumber, qeIdentity.evaluationDataNumber),
    },
    actual: status,
    message: parts.join("; "),
  };
}

function collectPeriods(collateral: {
  readonly rootCrl: Crl | undefined;
  readonly pckCrl: Crl | undefined;
  readonly tcbInfo: SignedDocument<TcbInfo> | undefined;
  readonly qeIdentity: SignedDocument<QeIdentity> | undefined;
}): CollateralPeriod[] {
  const { rootCrl, pckCrl, tcbInfo, qeIdentity } = collateral;
  const lists = [
    { what: "root CA CRL", crl: rootCrl },
    { what: "PCK CRL", crl: pckCrl },
  ].flatMap(({ what, crl }) => {
    return crl === undefined ? [] : [{ what, notBefore: crl.thisUpdate, notAfter: crl.nextUpdate }];
  });
  const documents = [
    { what: "TCB Info", signed: tcbInfo },
    { what: "QE Identity", signed: qeIdentity },
  ].flatMap(({ what, signed }) => {
    if (signed === undefined) return [];
    const { issueDate, nextUpdate } = signed.document;
    return [{ what, notBefore: issueDate, notAfter: nextUpdate }, periodOfChain(signed.chain)];
  });
  return [...lists, ...documents];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
