/** Collateral: sources, cache, and what brings them to a piece of evidence. Apart from the verifiers, which ask nobody. */
export { type Admitted, admitArtefact, isCurrent } from "./admit.ts";
export { type EvaluationNumber, evaluationNumbersOf } from "./admit-dcap.ts";
export { type Artefact, type ArtefactRequest, describeRequest, type TcbChannel } from "./artefact.ts";
export { formatArtefacts, isArtefactFile, parseArtefacts } from "./artefact-file.ts";
export { splitBundle } from "./bundle-artefacts.ts";
export { CollateralCache, type CollateralCacheOptions, type CollateralEvent } from "./cache.ts";
export { createKdsSource, type KdsOptions } from "./kds.ts";
export {
  createArtefactSource,
  createBundleSource,
  createDirectorySource,
  createEndorsementSource,
  createFileSource,
} from "./local.ts";
export { createPcsSource, type PcsOptions } from "./pcs.ts";
export { resolveCollateral, type ResolvedCollateral, type ResolveOptions } from "./resolve.ts";
export { splitSignedBody } from "../dcap/signed-body.ts";
export type { CollateralSource, FetchContext } from "./source.ts";
export { CollateralStore } from "./store.ts";
