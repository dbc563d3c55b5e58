/** From evidence to what its verification needs. Called before the verifier, which asks nobody. */
import { type InclavareError, isInclavareError } from "@inclavare/errors";
import type { CollateralBundle } from "@inclavare/sgx";
import { type Carrier, openCarrier } from "../carrier.ts";
import type { TcbChannel } from "./artefact.ts";
import { type CollateralCache } from "./cache.ts";
import { createBundleSource, createEndorsementSource } from "./local.ts";
import { resolveDcapCollateral } from "./resolve-dcap.ts";
import { resolveSnpEndorsements } from "./resolve-snp.ts";
import type { CollateralSource } from "./source.ts";

export interface ResolveOptions {
  readonly cache: CollateralCache;
  /** The user's own files; they go before the cache and the services. */
  readonly local?: readonly CollateralSource[];
  /** PEM that the user gives beside the evidence. */
  readonly endorsements?: readonly string[];
  /** Left out: Intel's standard one. */
  readonly channel?: TcbChannel;
}

/** For `verifyEvidence`. */
export interface ResolvedCollateral {
  readonly collateral?: CollateralBundle;
  readonly endorsements: readonly string[];
  /** What could not be had, and why; the verdict is to say so. */
  readonly sourceFailures: readonly InclavareError[];
}

/**
 * Finds the collateral for evidence of any kind. Evidence that is broken, or whose chain leads to no trusted root, makes
 * nobody ask for anything: the verifier will say what is wrong with it.
 */
export async function resolveCollateral(bytes: Uint8Array, options: ResolveOptions): Promise<ResolvedCollateral> {
  const { cache, local = [], endorsements = [], channel = { update: "standard" } } = options;
  const nothing = { endorsements, sourceFailures: [] };
  try {
    const carrier = openCarrier(bytes);
    const places = { cache, local, carried: carriedSources(carrier) };
    if (carrier.form === "quote") {
      return { endorsements, ...(await resolveDcapCollateral(carrier.evidence, { ...places, channel })) };
    }
    if (carrier.form !== "snp-report") return nothing;
    const given = [...endorsements, ...(carrier.endorsements === undefined ? [] : [carrier.endorsements])];
    return await resolveSnpEndorsements(carrier.evidence, { ...places, given });
  } catch (error) {
    if (!isInclavareError(error)) throw error;
    return nothing;
  }
}

function carriedSources({ collateral, endorsements }: Carrier): readonly CollateralSource[] {
  return [
    ...(collateral === undefined ? [] : [createBundleSource(collateral, "the evidence")]),
    ...(endorsements === undefined ? [] : [createEndorsementSource(endorsements, "the evidence")]),
  ];
}
