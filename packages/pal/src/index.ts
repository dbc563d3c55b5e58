export type {
  EnclaveRuntime,
  PalApiVersion,
  ProcessRequest,
  ProcessStdio,
  RuntimeAttributes,
} from "./enclave-runtime.ts";
export { type Closure, type ClosureFile, type ClosureOptions, resolveClosure } from "./elf/closure.ts";
export { ELF_MACHINES, type ElfFile, readElf } from "./elf/elf-file.ts";
export { type ProvidedLibrary, readProvided } from "./elf/provided.ts";
export { loadRuntime } from "./load-runtime.ts";
