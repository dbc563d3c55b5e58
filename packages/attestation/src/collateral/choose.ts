/** Among what a source offers, the artefact that is right, counts now, and is newest. */
import { type InclavareError, isInclavareError } from "@inclavare/errors";
import type { TrustAnchor } from "../trust-anchors.ts";
import { type Admitted, admitArtefact, isCurrent } from "./admit.ts";
import type { Artefact } from "./artefact.ts";

export interface Choice {
  /** It may be past its date, where no candidate is current. */
  readonly best?: Admitted;
  /** Set where there is no best, and a candidate was wrong in itself rather than an answer to another question. */
  readonly failure?: InclavareError;
}

interface ChoiceOptions {
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: () => Date;
  /** True: the candidate is an answer to this very question, and one to another question is wrong. */
  readonly isRemote?: boolean;
}

export function choose(
  candidates: readonly Artefact[],
  { trustAnchors, now, isRemote = false }: ChoiceOptions,
): Choice {
  const admitted: Admitted[] = [];
  let failure: InclavareError | undefined;
  for (const candidate of candidates) {
    try {
      admitted.push(admitArtefact(candidate, trustAnchors));
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      if (isRemote || !isInclavareError(error.cause, "ERR_COLLATERAL_MISMATCH")) failure ??= error;
    }
  }
  const time = now();
  const rank = (one: Admitted): number => (isCurrent(one, time) ? 1e9 : 0) + (one.evaluationDataNumber ?? 0);
  const [best] = admitted.toSorted((a, b) => rank(b) - rank(a) || b.notAfter.getTime() - a.notAfter.getTime());
  if (best !== undefined) return { best };
  return failure === undefined ? {} : { failure };
}
