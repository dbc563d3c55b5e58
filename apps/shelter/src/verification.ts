/** What the commands that verify evidence have in common: the words of their command line as one verification. */
import { DEFAULT_POLICY, type Policy, type VerifyEvidenceInput } from "@inclavare/attestation";
import { openCollateral, type ServiceValues } from "./collateral.ts";
import {
  parseAllowances,
  parseNonce,
  parseTime,
  readBytes,
  readEndorsements,
  readPolicy,
  readTrustAnchors,
} from "./inputs.ts";

/** As `evidenceOptions` gives them, and a policy where the command takes one. */
export interface EvidenceWords extends ServiceValues {
  readonly collateral: string | undefined;
  readonly endorsement: readonly string[];
  readonly trust: readonly string[];
  readonly time: string | undefined;
  readonly nonce: string | undefined;
  readonly allow: readonly string[];
  readonly policy?: string | undefined;
}

/**
 * Words first, files after: wrong usage is told before a missing file. Services are asked where they are named.
 * @throws InclavareError ERR_USAGE, ERR_FILE_NOT_FOUND, ERR_FILE, and what the readers of the files throw
 */
export async function readVerification(
  file: string,
  words: EvidenceWords,
  { state, evidenceOnly }: { readonly state: string; readonly evidenceOnly: boolean },
): Promise<VerifyEvidenceInput> {
  const allow = parseAllowances(words.allow);
  const now = words.time === undefined ? new Date() : parseTime(words.time);
  const nonce = words.nonce === undefined ? {} : { nonce: parseNonce(words.nonce) };
  const bytes = readBytes(file);
  const trustAnchors = readTrustAnchors(words.trust);
  const endorsements = readEndorsements(words.endorsement);
  const policy = words.policy === undefined ? {} : { policy: readPolicy(words.policy) };
  const { bundle, resolve } = await openCollateral(words, {
    state,
    trustAnchors,
    now: () => now,
    isHistoric: words.time !== undefined,
  });
  return {
    allow,
    now,
    ...nonce,
    evidenceOnly,
    bytes,
    trustAnchors,
    endorsements,
    ...(bundle === undefined ? {} : { collateral: bundle }),
    ...(await resolve?.(bytes, endorsements)),
    ...policy,
  };
}

/** The policy that a verification applies, allowances of the command line included; `undefined` where it applies none. */
export function appliedPolicy({
  policy = DEFAULT_POLICY,
  allow,
  evidenceOnly,
}: VerifyEvidenceInput): Policy | undefined {
  return evidenceOnly ? undefined : { ...policy, allow: [...new Set([...policy.allow, ...allow])] };
}
