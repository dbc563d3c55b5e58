export { openImage } from "./image/open.ts";
export { formatPlatform } from "./image/platform.ts";
export { normalizeReference } from "./image/reference.ts";
export type * from "./image/types.ts";
export { formatJson, parseJson, type WideJson } from "./json/parse.ts";
export { fillDirectory } from "./layout/target.ts";
export {
  type LayerInput,
  type LayoutInput,
  writeLayout,
  type WrittenBlob,
  type WrittenLayout,
} from "./layout/write.ts";
export { type Bundle, openBundle, type OpenedBundle } from "./runtime/bundle.ts";
export { validateContainerId } from "./runtime/container-id.ts";
export { defaultSpec } from "./runtime/default-spec.ts";
export { checkProcess, formatRuntimeSpec, parseProcess, parseResources, parseRuntimeSpec } from "./runtime/parse.ts";
export type * from "./runtime/spec.ts";
export type * from "./runtime/spec-linux.ts";
export { packTar } from "./tar/pack.ts";
export { type ExtractOptions, extractTree } from "./tree/extract.ts";
export { flattenLayers, type FlattenOptions } from "./tree/flatten.ts";
export { resolveInTree } from "./tree/lookup.ts";
export { cleanPath, sortByPath } from "./tree/path.ts";
export type * from "./tree/types.ts";
export { type ResolvedUser, resolveUser } from "./tree/user.ts";
