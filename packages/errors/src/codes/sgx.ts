import type { CodeEntry } from "../kinds.ts";

export const sgxCodes = {
  ERR_SGX_SIZE: { kind: "invalid-argument", summary: "An SGX structure has the wrong length." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
