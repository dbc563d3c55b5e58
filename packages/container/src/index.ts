export { cgroupFolders, readCgroupFacts, removeEmptyCgroups } from "./cgroups.ts";
export { type Config, DEFAULT_CONFIG_PATH, loadConfig, parseConfig } from "./config.ts";
export type { ControlRequest, InitRequest, ProcessRequest } from "./control.ts";
export { parseWrappedHook, withBundle } from "./hooks.ts";
export { type Asked, type Lifecycle, type LifecycleEngine, loadLifecycle, type OciState } from "./load.ts";
export { type Installation, installation } from "./installation.ts";
export { assertPossible, type Probe, SUPPORTED_RUNTIMES, SUPPORTED_TYPES } from "./machine.ts";
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
  parseRequest,
  readEnclaveRequest,
  TEE_TYPES,
  type TeeType,
  withoutRequest,
} from "./request.ts";
export { findProgram, mustRunc, type RuncCall, type RuncLogEntry, type RuncOptions, runRunc } from "./runc.ts";
