export { formatJson, parseJson, type WideJson } from "./json/parse.ts";
export { type Bundle, readBundle } from "./runtime/bundle.ts";
export { validateContainerId } from "./runtime/container-id.ts";
export { defaultSpec } from "./runtime/default-spec.ts";
export { assertRunnable, formatRuntimeSpec, parseProcess, parseResources, parseRuntimeSpec } from "./runtime/parse.ts";
export type * from "./runtime/spec.ts";
export type * from "./runtime/spec-linux.ts";
export type * from "./image/types.ts";
export type * from "./tree/types.ts";
