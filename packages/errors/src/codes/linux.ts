import type { CodeEntry } from "../kinds.ts";

export const linuxCodes = {
  ERR_LINUX_CALL: { kind: "internal", summary: "A Linux call failed; the message names the call and the errno." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
