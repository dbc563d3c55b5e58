import type { CodeEntry } from "../kinds.ts";

/** Where evidence is made. */
export const attesterCodes = {
  ERR_ATTESTER_UNKNOWN: { kind: "not-found", summary: "There is no attester of that name." },
  ERR_ATTESTER_BUSY: { kind: "resource-exhausted", summary: "Too many requests wait for an attester already." },
  ERR_AESM_UNREACHABLE: { kind: "unavailable", summary: "Intel's aesmd does not answer at its socket." },
  ERR_AESM_PROTOCOL: { kind: "internal", summary: "aesmd gave an answer that is not of its protocol." },
  ERR_AESM: { kind: "failed-precondition", summary: "aesmd refused a request, or cannot make ECDSA quotes." },
  ERR_TSM_UNAVAILABLE: {
    kind: "failed-precondition",
    summary:
      "This machine has no configfs-tsm, or no driver behind it: it is no TDX, SEV-SNP or CCA guest of Linux 6.7 or later.",
  },
  ERR_TSM: {
    kind: "unavailable",
    summary: "configfs-tsm gave no evidence, an empty one, or one that another writer interfered with.",
  },
  ERR_LIBOS_ATTESTATION: {
    kind: "failed-precondition",
    summary: "The library OS offers no DCAP attestation at /dev/attestation.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
