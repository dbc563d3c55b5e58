import type { CodeEntry } from "../kinds.ts";

export const serviceCodes = {
  ERR_WORKLOAD_NOT_FOUND: { kind: "not-found", summary: "The proxy has no workload of that name." },
  ERR_LAUNCH: {
    kind: "invalid-argument",
    summary: "attesterd could not launch an enclave: the request or one of the enclave's files is wrong.",
  },
  ERR_ATTESTERD_RUNNING: { kind: "already-exists", summary: "Another attesterd answers at the socket already." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
