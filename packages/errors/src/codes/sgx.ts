import type { CodeEntry } from "../kinds.ts";

export const sgxCodes = {
  ERR_SGX_SIZE: { kind: "invalid-argument", summary: "An SGX structure has the wrong length." },
  ERR_SGX_RANGE: { kind: "invalid-argument", summary: "A number does not fit its field of an SGX structure." },
  ERR_SGX_RESERVED: { kind: "invalid-argument", summary: "A reserved field of an SGX structure is not zero." },
  ERR_SGX_LAYOUT: {
    kind: "invalid-argument",
    summary: "An enclave's size, or a page's place or kind, is none that hardware takes.",
  },
  ERR_SGX_SIGNING_KEY: {
    kind: "invalid-argument",
    summary: "An enclave is signed with RSA-3072 and exponent 3, and this key is another.",
  },
  ERR_SGX_INVALID_SIG_STRUCT: {
    kind: "invalid-argument",
    summary: "EINIT: a header, exponent or reserved field of SIGSTRUCT is wrong.",
  },
  ERR_SGX_INVALID_SIGNATURE: { kind: "unauthenticated", summary: "EINIT: the signature of SIGSTRUCT does not hold." },
  ERR_SGX_INVALID_MEASUREMENT: { kind: "unauthenticated", summary: "EINIT: what was measured is not what was signed." },
  ERR_SGX_INVALID_ATTRIBUTE: {
    kind: "permission-denied",
    summary: "EINIT or EGETKEY: the enclave's attributes are not the signed ones, or do not allow the request.",
  },
  ERR_SGX_INVALID_KEY_REQUEST: {
    kind: "invalid-argument",
    summary:
      "EGETKEY: the request names an unknown key, a reserved policy or a security version above the enclave's own.",
  },
  ERR_SGX_INVALID_REPORT: {
    kind: "unauthenticated",
    summary: "A local report was not made for this enclave on this platform.",
  },
  ERR_SGX_PLATFORM: {
    kind: "failed-precondition",
    summary:
      "The simulated platform's directory is missing, damaged, there already, or readable by others than its owner.",
  },
  ERR_QUOTE_FORMAT: { kind: "invalid-argument", cause: "evidence", summary: "Bytes given as a quote are malformed." },
  ERR_QUOTE_VERSION: {
    kind: "not-implemented",
    cause: "evidence",
    summary: "A quote is of a version or a TEE that is not read yet.",
  },
  ERR_COLLATERAL_FORMAT: {
    kind: "invalid-argument",
    cause: "collateral",
    summary: "A collateral bundle is malformed.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
