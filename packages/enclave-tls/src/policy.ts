import type { Claims, Evidence, Verdict } from "@inclavare/attestation";

/**
 * Judges the evidence of a session's proof. The claims have been checked already: they are this connection's own, and
 * the evidence carries their hash.
 * @param message the whole evidence message as it came, for keeping.
 */
export type Appraise = (
  evidence: Evidence,
  claims: Claims,
  claimsBytes: Uint8Array,
  message: Uint8Array,
) => Promise<Verdict>;

/** The peer must prove itself by evidence, made for this very connection. */
export interface EvidencePolicy {
  readonly evidence: "required";
  readonly appraise: Appraise;
  /** The workload that must speak; left out: any that `appraise` accepts. */
  readonly workload?: string;
  /** The verdict that suffices. Left out: "accepted". "verified" (signatures only) is for those who judge nothing. */
  readonly sufficient?: "accepted" | "verified";
  /**
   * How long after a proof the peer is asked for a fresh one, on the open connection, again and again. Left out: only when
   * what the verdict rests on ends (its `validUntil`). Counted from the end of one proof to the next challenge; the answer has the connection's `timeoutMs`.
   */
  readonly reattestAfterMs?: number;
}

/**
 * The peer is judged by the evidence in its certificate alone, which is older than the connection and says nothing about
 * it. Open to replay by whoever got hold of the certificate's key, so it needs its own word.
 */
export interface CertificatePolicy {
  readonly evidence: "certificate";
  readonly allow: "no-nonce";
  /** @param certificateDer whose key the peer has proven to hold, and whose evidence speaks of that key. */
  readonly appraiseCertificate: (certificateDer: Uint8Array) => Promise<Verdict>;
  /** As in {@link EvidencePolicy}. */
  readonly sufficient?: "accepted" | "verified";
  /**
   * For how long a verdict serves further connections that show the same certificate, byte for byte; never beyond its
   * `validUntil`. A change of what `appraiseCertificate` goes by is seen that much later. Left out: each connection is
   * judged.
   */
  readonly keepVerdictMs?: number;
}

/** The peer is let in by its key alone; it is asked for no evidence. */
export interface KeyPolicy {
  readonly evidence: "none";
  /** @param spkiSha256 SHA-256 of the peer's DER SubjectPublicKeyInfo, whose private key it has proven to hold. */
  readonly authorize: (spkiSha256: Uint8Array) => boolean;
}

export type PeerPolicy = EvidencePolicy | CertificatePolicy | KeyPolicy;
