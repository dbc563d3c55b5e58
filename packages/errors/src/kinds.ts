/**
 * What sort of failure an error is. The categories are those of containerd's errdefs, so each maps to exactly one
 * ttrpc (gRPC) status; see {@link toTtrpcStatus}.
 */
export type ErrorKind =
  | "invalid-argument"
  | "not-found"
  | "already-exists"
  | "failed-precondition"
  | "permission-denied"
  | "unauthenticated"
  | "resource-exhausted"
  | "unavailable"
  | "deadline-exceeded"
  | "cancelled"
  | "not-implemented"
  | "data-loss"
  | "internal";

/** Why a verifying command refused: what is wrong with the evidence, with the collateral, or with the policy's eyes. */
export type VerificationCause = "evidence" | "collateral" | "policy";

/** One row of the table of codes. */
export interface CodeEntry {
  readonly kind: ErrorKind;
  /** One sentence for the reference: when this code is used. */
  readonly summary: string;
  /** Set where the code is an answer of a verifying command and therefore has an exit code of its own. */
  readonly cause?: VerificationCause;
}
