/**
 * What is let in: an artefact is verified as soon as it arrives, so that nothing is kept, or preferred to another source's,
 * that no verifier would take. The verifiers check it again: they do not know this room.
 */
import { isInclavareError } from "@inclavare/errors";
import { VerificationCache } from "../cache.ts";
import { CheckFailure } from "../check.ts";
import type { TrustAnchor } from "../trust-anchors.ts";
import { admitDcapArtefact } from "./admit-dcap.ts";
import { admitSnpArtefact } from "./admit-snp.ts";
import { type Artefact, describeRequest, isSnpRequest } from "./artefact.ts";

/** What an artefact turned out to be. */
export interface Admission {
  /** Both ends of the time in which it counts, its issuer chain's included. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Of TCB Info and QE Identity. */
  readonly evaluationDataNumber?: number;
}

/** An artefact whose signatures lead to a trusted root, and that is what was asked for. It may be past its date. */
export interface Admitted extends Artefact, Admission {}

/** @throws CheckFailure ERR_COLLATERAL_REJECTED, with what is wrong as its cause */
export function admitArtefact(artefact: Artefact, trustAnchors: readonly TrustAnchor[]): Admitted {
  const tools = { trustAnchors, cache: new VerificationCache(64) };
  try {
    const { request } = artefact;
    const admission = isSnpRequest(request)
      ? admitSnpArtefact(request, artefact, tools)
      : admitDcapArtefact(request, artefact, tools);
    return { ...artefact, ...admission };
  } catch (cause) {
    if (!isInclavareError(cause)) throw cause;
    const what = describeRequest(artefact.request);
    throw new CheckFailure("ERR_COLLATERAL_REJECTED", `${artefact.origin} gave a wrong ${what}`, { cause });
  }
}

/** True where the artefact counts at that time. */
export function isCurrent({ notBefore, notAfter }: Admission, now: Date): boolean {
  return now >= notBefore && now <= notAfter;
}
