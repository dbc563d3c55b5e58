import type { CodeEntry } from "../kinds.ts";

export const attestationCodes = {
  ERR_EVIDENCE_FORMAT: {
    kind: "invalid-argument",
    summary: "Bytes given as evidence are of no known form, or break the rules of theirs.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
