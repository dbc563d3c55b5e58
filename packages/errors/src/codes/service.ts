import type { CodeEntry } from "../kinds.ts";

export const serviceCodes = {
  ERR_WORKLOAD_NOT_FOUND: { kind: "not-found", summary: "The proxy has no workload of that name." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
