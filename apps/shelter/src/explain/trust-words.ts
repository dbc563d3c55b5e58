/** Values of a trustworthiness vector in words. @see draft-ietf-rats-ar4si, section 2.3 */
import type { TrustClaim } from "@inclavare/attestation";

const WORDS: Readonly<Partial<Record<TrustClaim, Readonly<Record<number, string>>>>> = {
  "instance-identity": {
    2: "a known machine, not known to be compromised",
    97: "a machine that nobody vouches for",
  },
  configuration: {
    2: "approved",
    32: "leaves known weaknesses open",
    36: "parts of it are not known",
    96: "exposes what it should protect",
  },
  executables: {
    2: "approved software only",
    3: "approved software at boot",
    32: "known software with known weaknesses",
    33: "software that nobody recognises",
    96: "software that must not run",
  },
  hardware: {
    2: "genuine and current",
    32: "genuine, with known weaknesses",
    96: "genuine, and not to be trusted",
    97: "hardware that nobody recognises",
  },
  "runtime-opaque": {
    2: "memory encrypted against the host",
    32: "memory kept from other guests, not encrypted",
    96: "memory open to the host",
  },
};

const GENERIC: Readonly<Record<number, string>> = {
  [-1]: "the verifier failed",
  0: "nothing is said",
  1: "evidence that cannot be read",
  99: "the evidence is not genuine",
};

/** `undefined` for a value that the standard gives no meaning. */
export function wordsFor(claim: TrustClaim, value: number): string | undefined {
  return GENERIC[value] ?? WORDS[claim]?.[value];
}
