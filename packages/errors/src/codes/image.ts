import type { CodeEntry } from "../kinds.ts";

export const imageCodes = {
  ERR_MANIFEST: { kind: "invalid-argument", summary: "An enclave manifest breaks a rule of its schema." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
