export { decodeAppImage } from "./app-image/decode.ts";
export { buildAppImage } from "./app-image/encode.ts";
export type { AppEntry, AppImage, AppImageInput } from "./app-image/types.ts";
export {
  APP_IMAGE_FILE,
  APP_IMAGE_LIMIT_BYTES,
  ENCLAVE_DIRECTORY,
  MANIFEST_FILE,
  MANIFEST_LIMIT_BYTES,
  PAYLOAD_INDEX_FILE,
  SIGSTRUCT_FILE,
} from "./constants.ts";
export { encodeManifest, parseManifest } from "./manifest/parse.ts";
export { type OutsideProcess, type ResolveOptions, resolveProcess } from "./manifest/resolve.ts";
export type { EnclaveManifest } from "./manifest/types.ts";
export { createMeasurer, type EnclaveMeasurement, type Measurer } from "./measure/measurer.ts";
export { type PayloadFile, type PayloadIndex, readPayloadIndex, verifyPayload } from "./measure/payload.ts";
export { convertImage, type ConvertOptions, type TeeImage } from "./convert/convert.ts";
export { deriveManifest, type OutsideOptions, type ProgramFacts } from "./convert/manifest.ts";
export type { ManifestPatch } from "./convert/merge.ts";
export { type DebugEnclave, type OrdinaryImage, planDebugEnclave, writeDebugEnclave } from "./debug.ts";
export { writeBundle } from "./tee-image/bundle.ts";
export { type ReadOptions, readTeeImage, type TeeContents, tryReadTeeImage } from "./tee-image/contents.ts";
export { type InspectOptions, inspectTeeImage, type TeeImageInspection } from "./tee-image/inspect.ts";
export {
  cascadeTeeImage,
  enclaveSigningFields,
  FIXED_EPOCH,
  type SigningMaterial,
  type SigningOptions,
  signTeeImage,
  teeImageSigningMaterial,
} from "./tee-image/sign.ts";
export { writeTeeImage } from "./tee-image/write.ts";
