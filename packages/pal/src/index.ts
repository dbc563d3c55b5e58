export type {
  EnclaveRuntime,
  PalApiVersion,
  ProcessRequest,
  ProcessStdio,
  RuntimeAttributes,
} from "./enclave-runtime.ts";
export { loadRuntime } from "./load-runtime.ts";
