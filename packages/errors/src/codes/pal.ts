import type { CodeEntry } from "../kinds.ts";

export const palCodes = {
  ERR_PAL_CALL: { kind: "internal", summary: "A call of the Enclave Runtime PAL API failed." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
