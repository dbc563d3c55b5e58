import type { CodeEntry } from "../kinds.ts";

export const enclaveTlsCodes = {
  ERR_TLS_PROTOCOL: { kind: "unauthenticated", summary: "The peer broke a rule of the Enclave-TLS protocol." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
