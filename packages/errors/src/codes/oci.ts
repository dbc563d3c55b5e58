import type { CodeEntry } from "../kinds.ts";

export const ociCodes = {
  ERR_OCI_SPEC: { kind: "invalid-argument", summary: "A config.json breaks a rule of the OCI runtime specification." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
