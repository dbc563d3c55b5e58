import type { Verdict } from "@inclavare/attestation";
import type { CertificatePolicy } from "./policy.ts";

interface Kept {
  readonly verdict: Verdict;
  readonly at: Date;
}

/** How many certificates one policy remembers; the oldest goes first. */
const MOST_KEPT = 256;

/**
 * Verdicts on certificates, by policy and exact bytes, for as long as the policy says and never beyond the end of what they
 * rest on. Only verdicts that suffice are worth keeping; whatever was refused is judged again.
 */
const keptByPolicy = new WeakMap<CertificatePolicy, Map<string, Kept>>();

export function findVerdict(policy: CertificatePolicy, certificateDer: Uint8Array, now: Date): Verdict | undefined {
  const { keepVerdictMs = 0 } = policy;
  const kept = keptByPolicy.get(policy)?.get(keyOf(certificateDer));
  if (kept === undefined) return undefined;
  const age = now.getTime() - kept.at.getTime();
  const { validUntil } = kept.verdict;
  const isPast = validUntil !== null && now > new Date(validUntil);
  return age < 0 || age >= keepVerdictMs || isPast ? undefined : kept.verdict;
}

export function keepVerdict(policy: CertificatePolicy, certificateDer: Uint8Array, kept: Kept): void {
  if ((policy.keepVerdictMs ?? 0) <= 0) return;
  const verdicts = keptByPolicy.get(policy) ?? new Map<string, Kept>();
  keptByPolicy.set(policy, verdicts);
  const key = keyOf(certificateDer);
  verdicts.delete(key);
  verdicts.set(key, kept);
  const [oldest] = verdicts.size > MOST_KEPT ? verdicts.keys() : [];
  if (oldest !== undefined) verdicts.delete(oldest);
}

/** The verdict no longer holds: it was looked at again and did not suffice. */
export function dropVerdict(policy: CertificatePolicy, certificateDer: Uint8Array): void {
  keptByPolicy.get(policy)?.delete(keyOf(certificateDer));
}

function keyOf(certificateDer: Uint8Array): string {
  return Buffer.from(certificateDer.buffer, certificateDer.byteOffset, certificateDer.length).toString("latin1");
}
