import type { CodeEntry } from "../kinds.ts";

export const containerCodes = {
  ERR_CONTAINER_NOT_FOUND: { kind: "not-found", summary: "No container has this id." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
