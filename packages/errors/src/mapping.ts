import { ERROR_CODES } from "./codes/index.ts";
import { toInclavareError, type JsonValue } from "./error.ts";
import type { ErrorKind, VerificationCause } from "./kinds.ts";

/** gRPC status codes (google.rpc.Code), which ttrpc uses as they are. */
const TTRPC_STATUS: Readonly<Record<ErrorKind, number>> = {
  cancelled: 1,
  "invalid-argument": 3,
  "deadline-exceeded": 4,
  "not-found": 5,
  "already-exists": 6,
  "permission-denied": 7,
  "resource-exhausted": 8,
  "failed-precondition": 9,
  "not-implemented": 12,
  internal: 13,
  unavailable: 14,
  "data-loss": 15,
  unauthenticated: 16,
};

const HTTP_STATUS: Readonly<Record<ErrorKind, number>> = {
  "invalid-argument": 400,
  unauthenticated: 401,
  "permission-denied": 403,
  "not-found": 404,
  "already-exists": 409,
  "failed-precondition": 412,
  "resource-exhausted": 429,
  cancelled: 499,
  internal: 500,
  "data-loss": 500,
  "not-implemented": 501,
  unavailable: 503,
  "deadline-exceeded": 504,
};

const VERIFICATION_EXIT: Readonly<Record<VerificationCause, number>> = { evidence: 3, collateral: 4, policy: 5 };

/** A status as ttrpc's Response carries it: `code` is a gRPC status code, `message` has no cause chain. */
export interface TtrpcStatus {
  readonly code: number;
  readonly message: string;
}

/** An answer after RFC 9457 (problem details for HTTP APIs), with our stable code beside it. */
export interface HttpProblem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly details: Readonly<Record<string, JsonValue>>;
}

export function toTtrpcStatus(thrown: unknown): TtrpcStatus {
  const error = toInclavareError(thrown);
  return { code: TTRPC_STATUS[error.kind], message: `${error.message} (${error.code})` };
}

export function toHttpProblem(thrown: unknown): HttpProblem {
  const error = toInclavareError(thrown);
  return {
    type: `urn:inclavare:error:${error.code}`,
    title: ERROR_CODES[error.code].summary,
    status: HTTP_STATUS[error.kind],
    detail: error.message,
    code: error.code,
    details: error.details,
  };
}

/**
 * The exit status of a command that failed: 2 for wrong usage; 3, 4, 5 where evidence, collateral or policy refused;
 * 1 for everything else.
 */
export function toExitCode(thrown: unknown): number {
  const { code } = toInclavareError(thrown);
  if (code === "ERR_USAGE") return 2;
  const { cause } = ERROR_CODES[code];
  return cause === undefined ? 1 : VERIFICATION_EXIT[cause];
}
