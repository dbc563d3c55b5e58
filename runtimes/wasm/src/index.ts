export { GuestWorker } from "./guest-worker.ts";
export { createWasmRuntime, type ProcessEnd, type WasmRuntimeOptions } from "./runtime.ts";
export type { Outcome } from "./protocol.ts";
