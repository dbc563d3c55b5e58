import type { CodeEntry } from "../kinds.ts";

export const runeletCodes = {
  ERR_CONTROL_REQUEST: {
    kind: "invalid-argument",
    summary: "A message on the control socket of init-runelet breaks its protocol.",
  },
  ERR_CONTAINER_STATE: {
    kind: "failed-precondition",
    summary: "The enclave is not in the state that the operation needs.",
  },
  ERR_ENCLAVE_ALTERED: {
    kind: "data-loss",
    summary: "The enclave's files are not the ones that were measured at launch.",
  },
  ERR_EXEC_FORBIDDEN: { kind: "permission-denied", summary: "The enclave manifest does not allow exec." },
  ERR_SIGNAL_FORBIDDEN: {
    kind: "permission-denied",
    summary: "The enclave manifest does not let this signal through.",
  },
  ERR_PROCESS_CWD: { kind: "not-found", summary: "The working directory of the process cannot be entered." },
  ERR_PROCESS_ARGS: { kind: "invalid-argument", summary: "There is no program to run." },
  ERR_SECRET_UNKNOWN: { kind: "not-found", summary: "The enclave manifest names no secret of this name." },
  ERR_SECRET_DELIVERED: { kind: "already-exists", summary: "The secret has been delivered already; it is taken once." },
  ERR_VERIFIER_UNKNOWN: {
    kind: "permission-denied",
    summary: "The peer's key is not among the verifiers that the enclave manifest names.",
  },
  ERR_NONCE: { kind: "invalid-argument", summary: "A nonce has the wrong form or length." },
  ERR_ROUTE_UNKNOWN: { kind: "not-found", summary: "A service has nothing at this path." },
  ERR_BODY_TOO_LARGE: { kind: "resource-exhausted", summary: "The body of a request is larger than what is taken." },
  ERR_DEMO: {
    kind: "failed-precondition",
    summary: "The demonstration did not go as it must; the message holds what the command said.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
