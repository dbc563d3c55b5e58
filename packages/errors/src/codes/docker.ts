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
  ERR_CONTAINERD_CONFIG: {
    kind: "invalid-argument",
    summary:
      "containerd's configuration is not TOML, is of an old version, or has a form that cannot be changed safely.",
  },
  ERR_CONTAINERD_CONFIG_TAKEN: {
    kind: "already-exists",
    summary: "containerd's configuration, or a file beside it, has something of that name already that is not ours.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
