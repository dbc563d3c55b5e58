export type {
  EnclaveRuntime,
  PalApiVersion,
  ProcessRequest,
  ProcessStdio,
  RuntimeAttributes,
} from "./enclave-runtime.ts";
export type { CallObserver } from "./conformance/call-log.ts";
export type { CheckResult } from "./conformance/check.ts";
export { failedCheck, runChecks } from "./conformance/checks.ts";
export { parseProfile } from "./conformance/parse-profile.ts";
export { DEFAULT_PROFILE, type Profile, type Program, type Programs } from "./conformance/profile.ts";
export { runBatch, runConformance, type Subject } from "./conformance/run.ts";
export { type Closure, type ClosureFile, type ClosureOptions, resolveClosure } from "./elf/closure.ts";
export { ELF_MACHINES, type ElfFile, readElf } from "./elf/elf-file.ts";
export { type ProvidedLibrary, readProvided } from "./elf/provided.ts";
export { loadRuntime, type LoadOptions } from "./load-runtime.ts";
