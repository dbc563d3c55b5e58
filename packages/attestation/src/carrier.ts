/** What carries evidence: the file or message that it came in, taken apart. */
import { InclavareError } from "@inclavare/errors";
import type { CollateralBundle } from "@inclavare/sgx";
import type { Certificate } from "@inclavare/x509";
import { decodeEvidenceMessage } from "./evidence-message.ts";
import { decodeEvidenceCertificate } from "./ratls/certificate.ts";
import { type EvidenceKind, recognise } from "./recognise.ts";

export interface Carrier {
  readonly kind: EvidenceKind;
  readonly quote: Uint8Array;
  /** Exact bytes of the claims buffer, where one came along. */
  readonly claims?: Uint8Array;
  readonly certificate?: Certificate;
  readonly collateral?: CollateralBundle;
}

/** @throws InclavareError ERR_EVIDENCE_FORMAT, ERR_EVIDENCE_UNSUPPORTED */
export function openCarrier(bytes: Uint8Array): Carrier {
  const kind = recognise(bytes);
  if (kind === "report") {
    throw new InclavareError("ERR_EVIDENCE_UNSUPPORTED", "SEV-SNP reports are not verified by this release");
  }
  if (kind === "quote") return { kind, quote: bytes };
  if (kind === "certificate") return { kind, ...decodeEvidenceCertificate(bytes) };
  const { evidence, claims } = decodeEvidenceMessage(bytes);
  const { quote, collateral } = evidence;
  return {
    kind,
    quote,
    ...(claims === undefined ? {} : { claims }),
    ...(collateral === undefined ? {} : { collateral }),
  };
}
