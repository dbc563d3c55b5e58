/** A bundle taken apart: which artefacts it holds, found out from what they say of themselves. */
import type { CollateralBundle } from "@inclavare/sgx";
import { fromPem, parseCertificate } from "@inclavare/x509";
import { inStep } from "../check.ts";
import { parseQeIdentity } from "../dcap/qe-identity.ts";
import { parseTcbInfo } from "../dcap/tcb-info.ts";
import type { Artefact, ArtefactRequest } from "./artefact.ts";
import { artefactsOfBundle } from "./local.ts";

/**
 * @param origin names the bundle. What is of no vendor's evaluation in particular is taken for the standard one.
 * @throws InclavareError ERR_COLLATERAL_CONTENT, ERR_COLLATERAL_FORMAT
 */
export function splitBundle(bundle: CollateralBundle, origin: string): readonly Artefact[] {
  const channel = { update: "standard" } as const;
  const info = parseTcbInfo(bundle.tcb_info);
  const { id } = parseQeIdentity(bundle.qe_identity);
  const [issuer] = inStep("ERR_COLLATERAL_FORMAT", origin, () =>
    fromPem(bundle.pck_crl_issuer_chain, "CERTIFICATE", "PCK CRL issuer chain").map((der) => parseCertificate(der)),
  );
  const requests: readonly ArtefactRequest[] = [
    {
      kind: "tcb-info",
      tee: info.tee === "TDX" ? "tdx" : "sgx",
      fmspc: Buffer.from(info.fmspc).toString("hex"),
      channel,
    },
    { kind: "qe-identity", tee: id === "TD_QE" ? "tdx" : "sgx", channel },
    { kind: "pck-crl", ca: issuer?.subject.commonName?.endsWith("Platform CA") === true ? "platform" : "processor" },
    { kind: "root-crl" },
  ];
  return requests.flatMap((request) => artefactsOfBundle(bundle, origin, request));
}
