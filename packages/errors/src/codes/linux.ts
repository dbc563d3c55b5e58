import type { CodeEntry } from "../kinds.ts";

export const linuxCodes = {
  ERR_LINUX_CALL: { kind: "internal", summary: "A Linux call failed; the message names the call and the errno." },
  ERR_SIGNAL_UNKNOWN: { kind: "invalid-argument", summary: "A word is neither the name nor the number of a signal." },
  ERR_MESSAGE: { kind: "invalid-argument", summary: "A message between our own processes is too long or not JSON." },
  ERR_PEER_CLOSED: { kind: "unavailable", summary: "The peer closed the connection before it answered." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
