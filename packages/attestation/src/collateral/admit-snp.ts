/** Admission of AMD's artefacts. @see AMD 57230; the rules of the chain are those of the verifier */
import { isInclavareError } from "@inclavare/errors";
import { type Certificate, fromPem, parseCertificate } from "@inclavare/x509";
import { assertIssuedBy, periodOfChain } from "../certificates.ts";
import { CheckFailure, failCheck, inStep } from "../check.ts";
import { verifiedCrl } from "../dcap/crl.ts";
import { verifySnpChain } from "../snp/chain.ts";
import { readVek } from "../snp/vek.ts";
import { anchorsFor, findTrustAnchor, type TrustAnchor } from "../trust-anchors.ts";
import type { Admission } from "./admit.ts";
import { type AdmissionTools, periodOfCrl } from "./admit-dcap.ts";
import { type Artefact, byKind, type SnpRequest } from "./artefact.ts";

/** @throws CheckFailure, InclavareError where anything is wrong but the time */
export function admitSnpArtefact(request: SnpRequest, artefact: Artefact, tools: AdmissionTools): Admission {
  const anchors = anchorsFor("AMD", tools.trustAnchors);
  return byKind(request, {
    vcek: (vcek) => admitVcek(vcek, artefact, { ...tools, anchors }),
    "snp-chain": (chain) => admitChain(chain, artefact, { ...tools, anchors }),
    "snp-crl": ({ product }) => admitCrl(`ARK-${product}`, artefact, anchors),
  });
}

interface SnpTools extends AdmissionTools {
  readonly anchors: readonly TrustAnchor[];
}

function admitVcek(request: SnpRequest & { kind: "vcek" }, artefact: Artefact, tools: SnpTools): Admission {
  const [certificate] = parse(artefact.body);
  if (certificate === undefined) throw new CheckFailure("ERR_SNP_CHAIN", "there is no certificate");
  const vek = readVek(certificate, "VCEK");
  const compare = (what: string, expected: string, actual: string): void => {
    if (expected !== actual) failCheck("ERR_COLLATERAL_MISMATCH", `it is for another ${what}`, expected, actual);
  };
  compare("product", request.product, vek.product);
  compare("chip", request.hwid, Buffer.from(vek.hwid ?? []).toString("hex"));
  compare("TCB", request.tcb, Buffer.from(vek.tcbVersion).toString("hex"));
  const chain = verifySnpChain(vek, parse(artefact.issuerChain ?? ""), tools);
  assertTrusted(chain.root, tools);
  return periodOfChain(chain);
}

/** The issuer of VCEKs or VLEKs, signed by a trusted root; the root in the file is a hint only. */
function admitChain(request: SnpRequest & { kind: "snp-chain" }, artefact: Artefact, tools: SnpTools): Admission {
  const name = `${request.key === "vlek" ? "SEV-VLEK-" : "SEV-"}${request.product}`;
  const certificates = parse(artefact.body);
  const issuer = certificates.find(({ subject }) => subject.commonName === name);
  const root = certificates.find(({ subject }) => subject.commonName === `ARK-${request.product}`);
  if (issuer === undefined || root === undefined) {
    const actual = certificates.map(({ subject }) => subject.commonName ?? subject.text).join(", ");
    return failCheck("ERR_SNP_CHAIN", "a certificate is missing", `${name}, ARK-${request.product}`, actual);
  }
  assertTrusted(root, tools);
  assertIssuedBy(root, root, "ERR_SNP_CHAIN");
  assertIssuedBy(issuer, root, "ERR_SNP_CHAIN");
  return periodOfChain({ what: name, certificates: [issuer, root] });
}

function admitCrl(name: string, { body }: Artefact, anchors: readonly TrustAnchor[]): Admission {
  let failure: unknown = new CheckFailure("ERR_TRUST_ANCHOR", `no trusted root is named ${name}`);
  for (const { certificate } of anchors) {
    if (certificate?.subject.commonName !== name) continue;
    try {
      return periodOfCrl(verifiedCrl(Buffer.from(body, "latin1"), certificate, "CRL"));
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

function parse(pem: string): Certificate[] {
  return inStep("ERR_SNP_CHAIN", "certificates", () =>
    fromPem(pem, "CERTIFICATE", "certificates").map((der) => parseCertificate(der, "certificate")),
  );
}

function assertTrusted(root: Certificate, { anchors }: SnpTools): void {
  if (findTrustAnchor(root, anchors) !== undefined) return;
  failCheck("ERR_TRUST_ANCHOR", "the chain ends in a root that is not trusted", "a trusted root", root.subject.text);
}
