import type { CodeEntry } from "../kinds.ts";

export const generalCodes = {
  ERR_USAGE: {
    kind: "invalid-argument",
    summary: "The command line is wrong: unknown command or flag, missing or surplus argument.",
  },
  ERR_INTERNAL: {
    kind: "internal",
    summary: "A fault of ours, or one that nothing has classified yet; please report it.",
  },
  ERR_FILE: { kind: "failed-precondition", summary: "A file could not be read or written; the cause says why." },
  ERR_FILE_NOT_FOUND: { kind: "not-found", summary: "A file that was named does not exist." },
  ERR_DEADLINE: {
    kind: "deadline-exceeded",
    summary: "Something that was waited for did not come within its deadline.",
  },
  ERR_CANCELLED: { kind: "cancelled", summary: "The caller withdrew the request." },
  ERR_JSON: { kind: "invalid-argument", summary: "A text that should be JSON is not." },
  ERR_CONFIG: {
    kind: "invalid-argument",
    summary: "The operator's configuration file has an unknown key or a wrong value.",
  },
  ERR_PRIVILEGE: { kind: "permission-denied", summary: "The operation needs root." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
