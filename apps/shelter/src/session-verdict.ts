import {
  type Claims,
  type CollateralBundle,
  encodeEvidenceMessage,
  type Evidence,
  type Policy,
  type TrustAnchor,
  type Verdict,
  verifyEvidence,
} from "@inclavare/attestation";
import { ERROR_CODES, isInclavareError } from "@inclavare/errors";
import type { Resolve } from "./collateral.ts";

export interface SessionPolicy {
  readonly trustAnchors: readonly TrustAnchor[];
  /** What the command line allows is in it. */
  readonly policy: Policy;
  /** Used in place of what the workload sends. */
  readonly collateral?: CollateralBundle;
  /** Finds collateral before the verification; what it finds goes before what the workload sends. */
  readonly resolve?: Resolve;
}

/** Appraises the proof of one session, and remembers what came and what was said of it. */
export class SessionAppraisal {
  readonly #policy: SessionPolicy;
  verdict: Verdict | undefined;
  /** The challenge that the session's proof answers. */
  nonce: Uint8Array | undefined;
  /** The evidence message as it was appraised, collateral included. */
  evidence: Uint8Array | undefined;

  constructor(policy: SessionPolicy) {
    this.#policy = policy;
  }

  /** An `Appraise` of Enclave-TLS, which has compared the nonce with its own challenge before. */
  async appraise(evidence: Evidence, claims: Claims, claimsBytes: Uint8Array): Promise<Verdict> {
    const { trustAnchors, policy, collateral, resolve } = this.#policy;
    this.nonce = claims.nonce;
    const complete = { ...evidence, ...(collateral === undefined ? {} : { collateral }) };
    const bytes = encodeEvidenceMessage({ evidence: complete, claims: claimsBytes });
    this.evidence = bytes;
    const resolved = await resolve?.(bytes, []);
    if (resolved?.collateral !== undefined) {
      const found = { ...evidence, collateral: resolved.collateral };
      this.evidence = encodeEvidenceMessage({ evidence: found, claims: claimsBytes });
    }
    const verdict = verifyEvidence({
      bytes,
      ...resolved,
      trustAnchors,
      now: new Date(),
      ...(claims.nonce === undefined ? {} : { nonce: claims.nonce }),
      policy,
      allow: [],
      evidenceOnly: false,
    });
    this.verdict = withSessionCheck(verdict);
    return this.verdict;
  }
}

/**
 * The verdict over a session that failed before its evidence was appraised, such as for a relayed proof; undefined where
 * the failure says nothing about the workload.
 */
export function verdictOfFailure(error: unknown): Verdict | undefined {
  if (!isInclavareError(error) || ERROR_CODES[error.code].cause === undefined) return undefined;
  const check = { check: "session-proof", result: "failed", code: error.code, message: error.message } as const;
  return {
    verdict: "refused",
    tee: "unknown",
    tcb: null,
    measurement: null,
    boundKey: null,
    validUntil: null,
    checks: [check],
    claims: {},
  };
}

function withSessionCheck(verdict: Verdict): Verdict {
  const message = "made for this connection: nonce, role, exporter, certificates, key and workload compared";
  return { ...verdict, checks: [{ check: "session-proof", result: "ok", message }, ...verdict.checks] };
}
