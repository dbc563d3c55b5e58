/** Where collateral comes from. Verifiers never call a source: whoever calls them asks the sources before. */
import type { Admitted } from "./admit.ts";
import type { Artefact, ArtefactRequest } from "./artefact.ts";

export interface FetchContext {
  /** Ends when the deadline has passed or nobody waits any more. */
  readonly signal: AbortSignal;
  /** Another artefact that the answer needs, such as the chain of a certificate; it comes from the cache where it can. */
  readonly lookUp: (request: ArtefactRequest) => Promise<Admitted>;
}

/** One place that has collateral: a file, a directory, evidence, Intel's service or one like it, AMD's. */
export interface CollateralSource {
  /** For people, and for metrics: without secrets. */
  readonly name: string;
  /** Reached over a network: its answers are worth keeping, and `offline` leaves it out. */
  readonly isRemote: boolean;
  /**
   * @returns candidates, of which `admitArtefact` tells the right ones; none for what is not this source's business.
   * @throws InclavareError ERR_COLLATERAL_FETCH, ERR_COLLATERAL_NOT_FOUND, ERR_COLLATERAL_RATE_LIMIT, ERR_COLLATERAL_FORMAT
   */
  readonly fetch: (request: ArtefactRequest, context: FetchContext) => Promise<readonly Artefact[]>;
}
