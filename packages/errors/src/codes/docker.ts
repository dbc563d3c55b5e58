import type { CodeEntry } from "../kinds.ts";

export const dockerCodes = {
  ERR_DAEMON_JSON: {
    kind: "invalid-argument",
    summary: "Docker's daemon.json is not JSON, has a name twice, or has something else where runtimes should be.",
  },
  ERR_DAEMON_JSON_TAKEN: {
    kind: "already-exists",
    summary: "Docker's daemon.json has a runtime of that name already, with another path.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
