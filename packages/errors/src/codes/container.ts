import type { CodeEntry } from "../kinds.ts";

export const containerCodes = {
  ERR_CONTAINER_NOT_FOUND: { kind: "not-found", summary: "No container has this id." },
  ERR_CONTAINER_EXISTS: { kind: "already-exists", summary: "A container has this id already." },
  ERR_CONTAINER_RECORD: {
    kind: "data-loss",
    summary: "The record of an enclave container cannot be read; delete --force removes it.",
  },
  ERR_REQUEST_CONTRADICTION: {
    kind: "invalid-argument",
    summary: "An annotation and a variable, or two variables, ask for different enclaves.",
  },
  ERR_REQUEST_INCOMPLETE: {
    kind: "invalid-argument",
    summary: "An enclave is asked for, but not its type or not its runtime.",
  },
  ERR_REQUEST_VALUE: {
    kind: "invalid-argument",
    summary: "A request for an enclave has a value or a key that is not known.",
  },
  ERR_REQUEST_UNSUPPORTED: {
    kind: "not-implemented",
    summary: "The request is understood, but this release does not do it.",
  },
  ERR_TEE_UNAVAILABLE: {
    kind: "failed-precondition",
    summary: "The machine does not have the TEE that is asked for; nothing is downgraded.",
  },
  ERR_RUNTIME_NOT_ALLOWED: {
    kind: "permission-denied",
    summary: "The operator's configuration does not list the enclave runtime's library.",
  },
  ERR_RUNTIME_UNSUITABLE: {
    kind: "failed-precondition",
    summary: "The enclave runtime does not run on the TEE that is asked for.",
  },
  ERR_ENCLAVE_REQUIRED: {
    kind: "permission-denied",
    summary: "The operator's configuration requires an enclave, and the container asks for none.",
  },
  ERR_SIGNING_KEY: {
    kind: "failed-precondition",
    summary: "The key that the configuration names for signing on the node cannot be used; the message says why.",
  },
  ERR_BUNDLE_UNSUITABLE: {
    kind: "failed-precondition",
    summary: "The bundle leaves no safe place for init-runelet in the container.",
  },
  ERR_PIDS_LIMIT: {
    kind: "resource-exhausted",
    summary: "pids.limit leaves no room for the threads of init-runelet.",
  },
  ERR_MEMORY_LIMIT: {
    kind: "resource-exhausted",
    summary: "memory.limit leaves no room for init-runelet.",
  },
  ERR_CGROUP_BUSY: {
    kind: "failed-precondition",
    summary: "A process stays in the cgroup of a container that is removed; once it has ended, delete it again.",
  },
  ERR_EPC_LIMIT: {
    kind: "failed-precondition",
    summary: "enclave.epc.limit cannot be kept: the kernel does not count enclave memory, or the machine has less.",
  },
  ERR_PAYLOAD_MISSING: {
    kind: "failed-precondition",
    summary: "The payload of init-runelet is not installed where the configuration says.",
  },
  ERR_ENCLAVE_FILES: {
    kind: "failed-precondition",
    summary: "The enclave's files in the image are missing, or are not regular files.",
  },
  ERR_ATTESTERD_UNREACHABLE: {
    kind: "unavailable",
    summary: "attesterd, the node's measuring and quoting service, does not answer.",
  },
  ERR_CHECKPOINT_UNSUPPORTED: {
    kind: "not-implemented",
    summary: "An enclave container can be neither checkpointed nor restored: what is in the enclave does not leave it.",
  },
  ERR_RUNC: { kind: "failed-precondition", summary: "runc refused; the message is its own." },
  ERR_RUNC_MISSING: { kind: "unavailable", summary: "The low-level runtime cannot be started." },
  ERR_RUNELET_ENDED: {
    kind: "unavailable",
    summary: "init-runelet ended, or closed the connection, before it had answered.",
  },
  ERR_HOOK: { kind: "failed-precondition", summary: "A lifecycle hook could not be run." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
