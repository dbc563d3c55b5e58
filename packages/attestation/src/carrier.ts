/** What carries evidence: the file or message that it came in, taken apart. */
import type { CollateralBundle } from "@inclavare/sgx";
import type { Certificate } from "@inclavare/x509";
import { VerificationCache } from "./cache.ts";
import { decodePayload, decodeSign1 } from "./cose/sign1.ts";
import { decodeEvidenceMessage } from "./evidence-message.ts";
import { decodeEvidenceCertificate } from "./ratls/certificate.ts";
import { decodeEndorsements } from "./ratls/endorsements.ts";
import { type EvidenceKind, recognise } from "./recognise.ts";

/** Whose room the evidence belongs to; the header of a quote says which of two TEEs it is. */
export type EvidenceForm = "quote" | "snp-report" | "sev-report" | "cca-token" | "psa-token" | "nitro-document";

export interface Carrier {
  readonly kind: EvidenceKind;
  readonly form: EvidenceForm;
  readonly evidence: Uint8Array;
  /** Exact bytes of the claims buffer, where one came along. */
  readonly claims?: Uint8Array;
  readonly certificate?: Certificate;
  /** Of a certificate without a claims buffer: bytes that speak of its key, one of which the report data is the hash of. */
  readonly boundTo?: readonly Uint8Array[];
  readonly collateral?: CollateralBundle;
  /** PEM. */
  readonly endorsements?: string;
}

/**
 * @param cache keeps certificates, which come again and again. Left out: nothing is kept.
 * @throws InclavareError ERR_EVIDENCE_FORMAT, ERR_EVIDENCE_UNSUPPORTED
 */
export function openCarrier(bytes: Uint8Array, cache: VerificationCache = new VerificationCache()): Carrier {
  const kind = recognise(bytes);
  if (kind === "certificate") {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    // A copy: the caller's bytes may change while the parts are kept.
    return cache.remember("evidence certificate", [text], () => ({ kind, ...openCertificate(Uint8Array.from(bytes)) }));
  }
  if (kind === "evidence-message") return { kind, ...openMessage(bytes) };
  if (kind === "cose-sign1") return { kind, form: isNitro(bytes) ? "nitro-document" : "psa-token", evidence: bytes };
  return { kind, form: kind === "report" ? "snp-report" : kind, evidence: bytes };
}

function openCertificate(bytes: Uint8Array): Omit<Carrier, "kind"> {
  const parts = decodeEvidenceCertificate(bytes);
  const collateral = decodeEndorsements(parts.certificate);
  return { ...parts, ...(collateral === undefined ? {} : { collateral }) };
}

/** A Nitro document names its fields by text, a PSA token by numbers. */
function isNitro(bytes: Uint8Array): boolean {
  return decodePayload(decodeSign1(bytes, "COSE message"), "COSE message").has("module_id");
}

function openMessage(bytes: Uint8Array): Omit<Carrier, "kind"> {
  const { evidence, claims } = decodeEvidenceMessage(bytes);
  const { format, quote, collateral, endorsements } = evidence;
  return {
    form: format === "snp-report" || format === "cca-token" ? format : "quote",
    evidence: quote,
    ...(claims === undefined ? {} : { claims }),
    ...(collateral === undefined ? {} : { collateral }),
    ...(endorsements === undefined ? {} : { endorsements }),
  };
}
