export { createWasmRuntime, type ProcessEnd, type WasmRuntimeOptions } from "./runtime.ts";
export type { ImageEntry, ImageSource } from "./image.ts";
export type { Outcome } from "./protocol.ts";
