/** What the collateral says of a platform: revocation, TCB, the quoting enclave's identity. */
import type { CollateralBundle, QuoteEnvelope } from "@inclavare/sgx";
import type { Crl } from "@inclavare/x509";
import { periodOfChain } from "../certificates.ts";
import { CheckFailure, type CheckList } from "../check.ts";
import type { CollateralPeriod } from "../examination.ts";
import type { DcapTcb } from "../verdict.ts";
import { type SignedDocument, verifyPckCrl, verifyQeIdentity, verifyRootCrl, verifyTcbInfo } from "./collateral.ts";
import type { Known } from "./chain.ts";
import type { Endorser } from "./pck.ts";
import type { PckExtensions } from "./pck-extensions.ts";
import { assertQeIdentity, type QeIdentity } from "./qe-identity.ts";
import { concludeTcb, type DcapRules } from "./rules.ts";
import { selectEnclaveLevel } from "./tcb-level.ts";
import type { TcbInfo } from "./tcb-info.ts";

/** What a verification writes to, and what it need not do again. */
export interface Tools {
  readonly list: CheckList;
  readonly known: Known;
}

interface Collateral {
  readonly tcb: DcapTcb | undefined;
  readonly periods: readonly CollateralPeriod[];
}

const NO_MODULE = Symbol("no module between platform and evidence");

export interface CollateralInput extends Tools {
  readonly bundle: CollateralBundle | undefined;
  readonly rules: DcapRules;
}

export function examineCollateral(
  quote: QuoteEnvelope,
  { chain, pck, anchor }: Endorser,
  { bundle: given, rules, list, known }: CollateralInput,
): Collateral {
  const bundle = list.run("collateral", [], () => {
    return { value: expectCollateral(given), message: "collateral is there, and whole" };
  });
  // Nothing in the collateral is looked at before its root is trusted: it must end in the very same one.
  const trusted = anchor === undefined ? undefined : chain;
  const rootCrl = list.run("root-crl", [bundle, trusted], (bundle, { root, issuer }) => {
    const value = verifyRootCrl(bundle, { root, pckIssuer: issuer }, known);
    return { value, message: "signed by the root; it does not list the PCK certificate's issuer" };
  });
  const pckCrl = list.run("pck-crl", [bundle, trusted, rootCrl], (bundle, chain, rootCrl) => {
    const value = verifyPckCrl(bundle, { chain, rootCrl }, known);
    return { value, message: "signed by the PCK certificate's issuer; it does not list the PCK certificate" };
  });
  const tcbInfo = list.run("tcb-info", [bundle, trusted, pck, rootCrl], (bundle, { root }, pck, rootCrl) => {
    const value = verifyTcbInfo(bundle, { root, rootCrl }, known);
    assertSamePlatform(pck, value.document, rules);
    return { value, message: `version ${value.document.version}, for this platform's type` };
  });
  const qeIdentity = list.run("qe-identity", [bundle, trusted, rootCrl], (bundle, { root }, rootCrl) => {
    const value = verifyQeIdentity(bundle, { root, rootCrl }, known);
    assertIdentityKind(value.document, rules);
    return { value, message: `signed by the vendor, for ${rules.tee}` };
  });
  list.run("qe-identity-match", [qeIdentity], ({ document }) => {
    assertQeIdentity(quote.qeReport, document);
    return { value: true, message: "the quoting enclave is the vendor's" };
  });
  const { module: examineModule } = rules;
  const module =
    examineModule === undefined
      ? NO_MODULE
      : list.run("tdx-module", [tcbInfo], ({ document }) => examineModule(document));
  // A platform whose certificate is revoked has no TCB status worth reporting.
  const needs = [tcbInfo, qeIdentity, pck, pckCrl, module] as const;
  const tcb = list.run("tcb-level", needs, (tcbInfo, { document: qeIdentity }, { tcb }, _, module) => {
    const platform = rules.platform(tcb, tcbInfo.document, module === NO_MODULE ? undefined : module);
    const enclave = selectEnclaveLevel(quote.qeReport.isvSvn, qeIdentity.levels, "the quoting enclave");
    return concludeTcb(platform, enclave, { tcbInfo: tcbInfo.document, qeIdentity });
  });
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

function assertSamePlatform({ fmspc, pceId }: PckExtensions, tcbInfo: TcbInfo, { tee }: DcapRules): void {
  const compare = (what: string, expected: string, actual: string): void => {
    if (expected === actual) return;
    throw new CheckFailure("ERR_COLLATERAL_MISMATCH", `TCB Info has another ${what} than the PCK certificate`, {
      expected,
      actual,
    });
  };
  compare("TEE", tee, tcbInfo.tee);
  compare("FMSPC", hex(fmspc), hex(tcbInfo.fmspc));
  compare("PCEID", hex(pceId), hex(tcbInfo.pceId));
}

function assertIdentityKind({ id }: QeIdentity, { identity }: DcapRules): void {
  if (id === identity) return;
  throw new CheckFailure("ERR_COLLATERAL_MISMATCH", "QE Identity is that of another enclave", {
    expected: identity,
    actual: id,
  });
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
