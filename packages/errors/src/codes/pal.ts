import type { CodeEntry } from "../kinds.ts";

export const palCodes = {
  ERR_PAL_ARCHITECTURE: { kind: "failed-precondition", summary: "A PAL library is built for another machine." },
  ERR_PAL_ARGUMENT: { kind: "invalid-argument", summary: "A text for a PAL library holds what no C string can." },
  ERR_PAL_CALL: { kind: "internal", summary: "A call of the Enclave Runtime PAL API failed; the message names it." },
  ERR_PAL_CRASHED: { kind: "internal", summary: "A PAL library crashed; the message has the signal and the call." },
  ERR_PAL_DEPENDENCY: {
    kind: "failed-precondition",
    summary: "A library that a PAL library needs is missing on this host, or cannot be used.",
  },
  ERR_PAL_LIBC_VERSION: {
    kind: "failed-precondition",
    summary: "A PAL library needs a newer C or C++ library than the payload of init-runelet brings.",
  },
  ERR_PAL_LOAD: { kind: "failed-precondition", summary: "A PAL library could not be loaded." },
  ERR_PAL_NOT_FOUND: {
    kind: "not-found",
    summary: "No enclave runtime of that name is built in, or there is no library of that path.",
  },
  ERR_PAL_NOT_LIBRARY: { kind: "failed-precondition", summary: "A file is no shared library, or a damaged one." },
  ERR_PAL_PROFILE: {
    kind: "invalid-argument",
    summary: "A profile for the conformance kit of enclave runtimes is not as it must be.",
  },
  ERR_PAL_SYMBOL: { kind: "failed-precondition", summary: "A PAL library lacks a function that its version demands." },
  ERR_PAL_UNSUPPORTED: { kind: "not-implemented", summary: "A PAL library cannot do what was asked of it." },
  ERR_PAL_VERSION: {
    kind: "not-implemented",
    summary: "A PAL library speaks a version of the API that is not supported.",
  },
  ERR_PAL_EXIT_VALUE: {
    kind: "internal",
    summary: "A PAL library reported an exit value that is neither an exit code nor 128 + signal.",
  },
  ERR_WASM_ARGUMENT: {
    kind: "invalid-argument",
    summary: "An argument, a variable or a standard stream of a WASI process cannot be given to it.",
  },
  ERR_WASM_COMPONENT: {
    kind: "not-implemented",
    summary: "The program is a WebAssembly component; core modules for WASI preview 1 are supported.",
  },
  ERR_WASM_CWD: { kind: "not-found", summary: "The working directory of a WASI process is no directory of the image." },
  ERR_WASM_GUEST: { kind: "internal", summary: "The worker of a WASI process could not be started." },
  ERR_WASM_IMPORT: { kind: "invalid-argument", summary: "The program imports what WASI preview 1 does not have." },
  ERR_WASM_MEMORY: {
    kind: "resource-exhausted",
    summary: "The program's memory is larger than the enclave allows, or of a sort that WASI preview 1 does not have.",
  },
  ERR_WASM_MODULE: { kind: "invalid-argument", summary: "The program is a damaged WebAssembly module." },
  ERR_WASM_NO_PROCESS: { kind: "not-found", summary: "The enclave has no process of that number." },
  ERR_WASM_NO_START: { kind: "invalid-argument", summary: "The program is a WebAssembly module without _start." },
  ERR_WASM_NOT_WASM: { kind: "invalid-argument", summary: "The program is not a WebAssembly module." },
  ERR_WASM_PROCESSES: { kind: "resource-exhausted", summary: "The enclave runs as many processes as it may." },
  ERR_WASM_PROGRAM: { kind: "not-found", summary: "The program is not in the enclave's image." },
  ERR_WASM_REACTOR: { kind: "invalid-argument", summary: "The program is a WASI reactor; commands are supported." },
  ERR_WASM_SIGNAL: { kind: "invalid-argument", summary: "A WASI process cannot be sent that signal." },
  ERR_WASM_STATE: {
    kind: "failed-precondition",
    summary: "A call came out of order: before init, after destroy, or twice for one process.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
