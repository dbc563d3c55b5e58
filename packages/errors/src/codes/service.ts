import type { CodeEntry } from "../kinds.ts";

export const serviceCodes = {
  ERR_WORKLOAD_NOT_FOUND: { kind: "not-found", summary: "The proxy has no workload of that name." },
  ERR_LAUNCH: {
    kind: "invalid-argument",
    summary: "attesterd could not launch an enclave: the request or one of the enclave's files is wrong.",
  },
  ERR_ATTESTERD_RUNNING: { kind: "already-exists", summary: "Another attesterd answers at the socket already." },
  ERR_WORKLOAD_AMBIGUOUS: {
    kind: "failed-precondition",
    summary: "Several containers run the workload; the caller has to name one.",
  },
  ERR_WORKLOAD_UNREACHABLE: { kind: "unavailable", summary: "A workload does not answer on its attestation socket." },
  ERR_WORKLOAD_STATE: { kind: "data-loss", summary: "A container's state file, or what its workload says, is wrong." },
  ERR_WORKLOADS_TOO_MANY: { kind: "resource-exhausted", summary: "There are more workloads than the proxy serves." },
  ERR_LISTEN: { kind: "failed-precondition", summary: "A daemon cannot listen at the address that it was given." },
  ERR_REQUEST: { kind: "invalid-argument", summary: "A request to a service has a wrong form." },
  ERR_STATE_DIRECTORY: {
    kind: "failed-precondition",
    summary: "The state directory is open to others, though it holds a key.",
  },
  ERR_SECRET_TOO_LARGE: { kind: "invalid-argument", summary: "A secret is larger than an enclave takes." },
  ERR_STORE: { kind: "failed-precondition", summary: "Shelter's store is damaged, or from a newer release." },
  ERR_REFERENCE_EXISTS: { kind: "already-exists", summary: "The workload has this reference measurement already." },
  ERR_REFERENCE_NOT_FOUND: { kind: "not-found", summary: "The workload has no such reference measurement." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
