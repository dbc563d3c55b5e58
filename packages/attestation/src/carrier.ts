/** What carries evidence: the file or message that it came in, taken apart. */
import type { CollateralBundle } from "@inclavare/sgx";
import type { Certificate } from "@inclavare/x509";
import { decodeEvidenceMessage } from "./evidence-message.ts";
import { decodeEvidenceCertificate } from "./ratls/certificate.ts";
import { type EvidenceKind, recognise } from "./recognise.ts";

/** Whose room the evidence belongs to; the header of a quote says which of the two TEEs it is. */
export type EvidenceForm = "quote" | "snp-report";

export interface Carrier {
  readonly kind: EvidenceKind;
  readonly form: EvidenceForm;
  readonly evidence: Uint8Array;
  /** Exact bytes of the claims buffer, where one came along. */
  readonly claims?: Uint8Array;
  readonly certificate?: Certificate;
  readonly collateral?: CollateralBundle;
}

/** @throws InclavareError ERR_EVIDENCE_FORMAT */
export function openCarrier(bytes: Uint8Array): Carrier {
  const kind = recognise(bytes);
  if (kind === "report") return { kind, form: "snp-report", evidence: bytes };
  if (kind === "quote") return { kind, form: "quote", evidence: bytes };
  if (kind === "certificate") {
    const { quote, ...rest } = decodeEvidenceCertificate(bytes);
    return { kind, form: "quote", evidence: quote, ...rest };
  }
  const { evidence, claims } = decodeEvidenceMessage(bytes);
  const { quote, collateral } = evidence;
  return {
    kind,
    form: "quote",
    evidence: quote,
    ...(claims === undefined ? {} : { claims }),
    ...(collateral === undefined ? {} : { collateral }),
  };
}
