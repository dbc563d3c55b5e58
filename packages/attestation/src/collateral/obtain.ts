/** One artefact for one verification, from what is at hand or from the cache and the services behind it. */
import { type InclavareError, isInclavareError } from "@inclavare/errors";
import { type Admitted, isCurrent } from "./admit.ts";
import type { ArtefactRequest } from "./artefact.ts";
import type { CollateralCache } from "./cache.ts";
import { choose } from "./choose.ts";
import type { CollateralSource } from "./source.ts";

export interface Places {
  /** The user's own files, which go before everything. */
  readonly local: readonly CollateralSource[];
  readonly cache: CollateralCache;
  /** What the evidence brought along: it comes from whoever wants to be believed, so it only stands in. */
  readonly carried: readonly CollateralSource[];
}

/**
 * @returns an artefact that counts now, or, where nobody has one, one past its date, which the verifier will call so.
 * @throws InclavareError as `CollateralCache.get`
 */
export async function obtain(request: ArtefactRequest, { local, cache, carried }: Places): Promise<Admitted> {
  const own = await lookIn(local, request, cache);
  if (own.current !== undefined) return own.current;
  let missing: InclavareError;
  try {
    const found = await cache.get(request);
    return isCurrent(found, cache.now()) ? found : (own.outdated ?? found);
  } catch (error) {
    if (!isInclavareError(error, "ERR_COLLATERAL_MISSING")) throw error;
    missing = error;
  }
  const brought = await lookIn(carried, request, cache);
  const found = brought.current ?? own.outdated ?? brought.outdated;
  if (found === undefined) throw own.failure ?? brought.failure ?? missing;
  return found;
}

interface Found {
  readonly current?: Admitted;
  readonly outdated?: Admitted;
  readonly failure?: InclavareError;
}

async function lookIn(
  sources: readonly CollateralSource[],
  request: ArtefactRequest,
  cache: CollateralCache,
): Promise<Found> {
  const context = {
    signal: new AbortController().signal,
    lookUp: async (other: ArtefactRequest) => await cache.get(other),
  };
  const candidates = (await Promise.all(sources.map(async (source) => await source.fetch(request, context)))).flat();
  const { best, failure } = choose(candidates, { trustAnchors: cache.trustAnchors, now: cache.now });
  if (best === undefined) return failure === undefined ? {} : { failure };
  try {
    cache.assertNotOlder(best);
  } catch (error) {
    // Somebody else may have the newer one.
    if (isInclavareError(error, "ERR_COLLATERAL_ROLLBACK")) return { failure: error };
    throw error;
  }
  return isCurrent(best, cache.now()) ? { current: best } : { outdated: best };
}
