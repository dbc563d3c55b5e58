import type { CodeEntry } from "../kinds.ts";

export const x509Codes = {
  ERR_DER: {
    kind: "invalid-argument",
    cause: "evidence",
    summary: "Bytes are not DER, or not of the type that stands at this place.",
  },
  ERR_PEM: {
    kind: "invalid-argument",
    cause: "evidence",
    summary: "A text holds no whole PEM block of the kind that is needed.",
  },
  ERR_X509_FORMAT: { kind: "invalid-argument", cause: "evidence", summary: "A certificate or CRL breaks RFC 5280." },
  ERR_X509_EXTENSION: {
    kind: "invalid-argument",
    cause: "evidence",
    summary: "An extension of a certificate or CRL is malformed or there twice.",
  },
  ERR_X509_ALGORITHM: {
    kind: "invalid-argument",
    cause: "evidence",
    summary: "A signature algorithm is not supported.",
  },
  ERR_X509_KEY: { kind: "invalid-argument", cause: "evidence", summary: "A certificate's public key cannot be read." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
