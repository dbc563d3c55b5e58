/** What a verifier needs beside a quote: TCB Info, QE Identity and CRLs, issued anew for the time of asking. */
import { createPublicKey, sign } from "node:crypto";
import type { CollateralBundle } from "@inclavare/sgx";
import { createCrl, type Der } from "@inclavare/x509";
import { keyIdentifier, NAMES, privateKey } from "./certification.ts";
import type { QuotingEnclave } from "./quoting-enclave.ts";
import type { CertificateRole, PlatformState } from "./state.ts";

const DAY_MS = 24 * 3600 * 1000;
/** As Intel's: a document says when the next one comes, a month later. */
const LIFETIME_DAYS = 30;
const EVALUATION_DATA_NUMBER = 1;
const TCB_DATE = "2026-01-01T00:00:00Z";

/** @param now the documents are of the day before, so that a verifier's clock may be behind, and current for 30 days. */
export function issueCollateral(state: PlatformState, quotingEnclave: QuotingEnclave, now: Date): CollateralBundle {
  const issueDate = new Date(Math.floor((now.getTime() - DAY_MS) / 1000) * 1000);
  const nextUpdate = new Date(issueDate.getTime() + (1 + LIFETIME_DAYS) * DAY_MS);
  const window = { issueDate, nextUpdate };
  const { root, pckCa, tcbSigning } = state.certificates;
  const tcbInfo = JSON.stringify(makeTcbInfo(state, window));
  const qeIdentity = JSON.stringify(makeQeIdentity(quotingEnclave, window));
  return {
    pck_crl_issuer_chain: pckCa + root,
    root_ca_crl: hex(emptyCrl(state, "root", window)),
    pck_crl: hex(emptyCrl(state, "pckCa", window)),
    tcb_info_issuer_chain: tcbSigning + root,
    tcb_info: tcbInfo,
    tcb_info_signature: signText(state, tcbInfo),
    qe_identity_issuer_chain: tcbSigning + root,
    qe_identity: qeIdentity,
    qe_identity_signature: signText(state, qeIdentity),
  };
}

interface Window {
  readonly issueDate: Date;
  readonly nextUpdate: Date;
}

function dates({ issueDate, nextUpdate }: Window): { issueDate: string; nextUpdate: string } {
  return { issueDate: isoSeconds(issueDate), nextUpdate: isoSeconds(nextUpdate) };
}

/** TCB Info, version 3, with one level: this platform's. */
function makeTcbInfo(state: PlatformState, window: Window): object {
  const components = [...Buffer.from(state.cpuSvn, "hex")].map((svn) => ({ svn }));
  return {
    id: "SGX",
    version: 3,
    ...dates(window),
    fmspc: state.fmspc.toUpperCase(),
    pceId: state.pceId.toUpperCase(),
    tcbType: 0,
    tcbEvaluationDataNumber: EVALUATION_DATA_NUMBER,
    tcbLevels: [
      { tcb: { sgxtcbcomponents: components, pcesvn: state.pceSvn }, tcbDate: TCB_DATE, tcbStatus: "UpToDate" },
    ],
  };
}

/** QE Identity, version 2: the quoting enclave as it was launched. */
function makeQeIdentity({ report }: QuotingEnclave, window: Window): object {
  return {
    id: "QE",
    version: 2,
    ...dates(window),
    tcbEvaluationDataNumber: EVALUATION_DATA_NUMBER,
    miscselect: "00000000",
    miscselectMask: "FFFFFFFF",
    // Everything but XFRM is held to; FB leaves bit 2 (64-bit mode) open, as Intel's mask does.
    attributes: "11000000000000000000000000000000",
    attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
    mrsigner: hex(report.mrSigner).toUpperCase(),
    isvprodid: report.isvProdId,
    tcbLevels: [{ tcb: { isvsvn: report.isvSvn }, tcbDate: TCB_DATE, tcbStatus: "UpToDate" }],
  };
}

function emptyCrl(state: PlatformState, issuer: CertificateRole, { issueDate, nextUpdate }: Window): Der {
  const signingKey = privateKey(state, issuer);
  return createCrl({
    issuer: NAMES[issuer],
    thisUpdate: issueDate,
    nextUpdate,
    revoked: [],
    // Rises with time, as RFC 5280 (section 5.2.3) demands, with no counter to keep.
    crlNumber: BigInt(issueDate.getTime() / 1000),
    authorityKeyId: keyIdentifier(createPublicKey(signingKey)),
    signingKey,
  });
}

/** r and s in hexadecimal, over the text exactly as it is delivered. */
function signText(state: PlatformState, text: string): string {
  return sign("sha256", Buffer.from(text, "utf8"), {
    key: privateKey(state, "tcbSigning"),
    dsaEncoding: "ieee-p1363",
  }).toString("hex");
}

function isoSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/u, "Z");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
