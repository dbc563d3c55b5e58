/** Admission of Intel's artefacts. @see Intel PCS API v4; the rules of each chain are those of the verifier */
import { isInclavareError } from "@inclavare/errors";
import type { Crl } from "@inclavare/x509";
import * as v from "valibot";
import type { VerificationCache } from "../cache.ts";
import { periodOfChain } from "../certificates.ts";
import { CheckFailure, failCheck } from "../check.ts";
import { type Chain, type ChainKind, type Known, verifyChain } from "../dcap/chain.ts";
import { verifiedCrl } from "../dcap/crl.ts";
import { count, parseDocument, timestamp } from "../dcap/document.ts";
import { verifyP256 } from "../dcap/p256.ts";
import { verifyPckChain } from "../dcap/pck.ts";
import { parseQeIdentity } from "../dcap/qe-identity.ts";
import { parseTcbInfo } from "../dcap/tcb-info.ts";
import { anchorsFor, findTrustAnchor, type TrustAnchor } from "../trust-anchors.ts";
import type { Admission } from "./admit.ts";
import { type Artefact, byKind, type DcapRequest, type TcbChannel } from "./artefact.ts";
import { type DocumentName, splitSignedBody } from "../dcap/signed-body.ts";

export interface AdmissionTools {
  readonly trustAnchors: readonly TrustAnchor[];
  readonly cache: VerificationCache;
}

/** @throws CheckFailure, InclavareError where anything is wrong but the time */
export function admitDcapArtefact(request: DcapRequest, artefact: Artefact, tools: AdmissionTools): Admission {
  return byKind(request, {
    "tcb-info": ({ tee, fmspc, channel }) => {
      const { text, period } = verifySignedBody("tcbInfo", artefact, tools);
      const info = parseTcbInfo(text);
      expectSame("TEE", tee.toUpperCase(), info.tee);
      expectSame("FMSPC", fmspc, hex(info.fmspc));
      return admitDocument(info, channel, period);
    },
    "qe-identity": ({ tee, channel }) => {
      const { text, period } = verifySignedBody("enclaveIdentity", artefact, tools);
      const identity = parseQeIdentity(text);
      expectSame("enclave", { sgx: "QE", tdx: "TD_QE" }[tee], identity.id);
      return admitDocument(identity, channel, period);
    },
    "tcb-evaluation-numbers": ({ tee }) => {
      const { text, period } = verifySignedBody("tcbEvaluationDataNumbers", artefact, tools);
      const { id, issueDate, nextUpdate } = parseEvaluationNumbers(text);
      expectSame("TEE", tee.toUpperCase(), id);
      return intersect({ notBefore: issueDate, notAfter: nextUpdate }, period);
    },
    "pck-crl": ({ ca }) => admitPckCrl(ca, artefact, tools),
    "root-crl": () => admitRootCrl(artefact, tools),
    "pck-certificate": ({ platform }) => {
      const { chain, extensions } = verifyPckChain(`${artefact.body}\n${artefact.issuerChain ?? ""}`, knownOf(tools));
      assertTrusted(chain, tools);
      expectSame("PCEID", platform.pceId, hex(extensions.pceId));
      return periodOfChain(chain);
    },
  });
}

const numbersSchema = v.object({
  id: v.picklist(["SGX", "TDX"]),
  version: v.literal(1),
  issueDate: timestamp,
  nextUpdate: timestamp,
  tcbEvalNumbers: v.pipe(
    v.array(v.object({ tcbEvaluationDataNumber: count, tcbRecoveryEventDate: timestamp, tcbDate: timestamp })),
    v.maxLength(1024),
  ),
});

/** One evaluation that the service has; dates in ISO 8601. */
export interface EvaluationNumber {
  readonly number: number;
  readonly recoveryEvent: string;
  readonly tcbDate: string;
}

/** @param body of an admitted artefact. */
export function evaluationNumbersOf(body: string): readonly EvaluationNumber[] {
  const { tcbEvalNumbers } = parseEvaluationNumbers(splitSignedBody(body, "tcbEvaluationDataNumbers").text);
  return tcbEvalNumbers.map(({ tcbEvaluationDataNumber: number, tcbRecoveryEventDate, tcbDate }) => {
    return { number, recoveryEvent: tcbRecoveryEventDate.toISOString(), tcbDate: tcbDate.toISOString() };
  });
}

/** @throws CheckFailure ERR_COLLATERAL_CONTENT */
function parseEvaluationNumbers(text: string): v.InferOutput<typeof numbersSchema> {
  return parseDocument(text, numbersSchema, "TCB evaluation data numbers");
}

interface SignedText {
  readonly text: string;
  readonly period: Admission;
}

function verifySignedBody(name: DocumentName, { body, issuerChain }: Artefact, tools: AdmissionTools): SignedText {
  const { text, signature } = splitSignedBody(body, name);
  const chain = trustedChain("tcb-signing", issuerChain, tools);
  if (!verifyP256(chain.leaf.publicKey, Buffer.from(text, "utf8"), Buffer.from(signature, "hex"))) {
    throw new CheckFailure("ERR_COLLATERAL_SIGNATURE", `${name} is not signed by the ${chain.what}`);
  }
  return { text, period: periodOfChain(chain) };
}

function trustedChain(kind: ChainKind, pem: string | undefined, tools: AdmissionTools): Chain {
  const chain = verifyChain(kind, pem ?? "", { code: "ERR_COLLATERAL_CHAIN", ...knownOf(tools) });
  assertTrusted(chain, tools);
  return chain;
}

function knownOf({ cache, trustAnchors }: AdmissionTools): Known {
  return { cache, anchors: anchorsFor("Intel", trustAnchors) };
}

function assertTrusted({ what, root }: Chain, { trustAnchors }: AdmissionTools): void {
  if (findTrustAnchor(root, anchorsFor("Intel", trustAnchors)) !== undefined) return;
  failCheck("ERR_TRUST_ANCHOR", `the ${what} ends in a root that is not trusted`, "a trusted root", root.subject.text);
}

function admitPckCrl(ca: "processor" | "platform", { body, issuerChain }: Artefact, tools: AdmissionTools): Admission {
  const chain = trustedChain("pck-crl", issuerChain, tools);
  const name = chain.leaf.subject.commonName ?? "";
  const expected = { processor: "Processor CA", platform: "Platform CA" }[ca];
  if (!name.endsWith(expected)) failCheck("ERR_COLLATERAL_MISMATCH", "the list is another CA's", expected, name);
  const crl = verifiedCrl(Buffer.from(body, "latin1"), chain.leaf, "PCK CRL");
  return intersect(periodOfCrl(crl), periodOfChain(chain));
}

/** No chain comes with it: the roots themselves sign their lists. */
function admitRootCrl({ body }: Artefact, { trustAnchors }: AdmissionTools): Admission {
  let failure: unknown = new CheckFailure("ERR_TRUST_ANCHOR", "no trusted root has a certificate");
  for (const { certificate } of anchorsFor("Intel", trustAnchors)) {
    if (certificate === undefined) continue;
    try {
      return periodOfCrl(verifiedCrl(Buffer.from(body, "latin1"), certificate, "root CA CRL"));
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

interface DatedDocument {
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  readonly evaluationDataNumber: number;
}

function admitDocument(document: DatedDocument, channel: TcbChannel, chain: Admission): Admission {
  const { issueDate, nextUpdate, evaluationDataNumber } = document;
  if ("evaluation" in channel) {
    expectSame("evaluation data number", String(channel.evaluation), String(evaluationDataNumber));
  }
  return { ...intersect({ notBefore: issueDate, notAfter: nextUpdate }, chain), evaluationDataNumber };
}

export function periodOfCrl({ thisUpdate, nextUpdate }: Crl): Admission {
  return { notBefore: thisUpdate, notAfter: nextUpdate };
}

/** The time in which both count. */
export function intersect(a: Admission, b: Admission): Admission {
  return {
    notBefore: a.notBefore > b.notBefore ? a.notBefore : b.notBefore,
    notAfter: a.notAfter < b.notAfter ? a.notAfter : b.notAfter,
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function expectSame(what: string, expected: string, actual: string): void {
  if (expected !== actual) failCheck("ERR_COLLATERAL_MISMATCH", `it is for another ${what}`, expected, actual);
}
