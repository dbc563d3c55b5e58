export { type Config, DEFAULT_CONFIG_PATH, loadConfig, parseConfig } from "./config.ts";
export { assertPossible, type Probe } from "./machine.ts";
export { ENCLAVE_MOUNT, PAYLOAD_MOUNT } from "./mounts.ts";
export { type ContainerPaths, containerPaths, rootDirectory } from "./paths.ts";
export {
  ENCLAVE_ANNOTATIONS,
  type EnclaveRequest,
  isBuiltInRuntime,
  isSandbox,
  LOG_LEVELS,
  type LogLevel,
  mayAskForEnclave,
  readEnclaveRequest,
  TEE_TYPES,
  type TeeType,
  withoutRequest,
} from "./request.ts";
