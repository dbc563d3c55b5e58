/** Status codes as in google.rpc.Code. */
export const STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** What a call failed with, as it travels. */
export interface Status {
  /** One of {@link STATUS}; unknown numbers are passed on as they are. */
  readonly code: number;
  readonly message: string;
  /** Encoded google.protobuf.Any messages. */
  readonly details?: readonly Uint8Array[];
}

/** The one error of this package: a handler throws it to answer with a status, a client throws what it was answered. */
export class TtrpcError extends Error {
  override readonly name = "TtrpcError";
  readonly status: number;
  readonly details: readonly Uint8Array[];

  constructor(status: number, message: string, options: ErrorOptions & { details?: readonly Uint8Array[] } = {}) {
    super(message, options);
    this.status = status;
    this.details = options.details ?? [];
  }
}

/** The status of whatever a handler threw: that of a {@link TtrpcError}, else UNKNOWN with the error's message. */
export function toStatus(thrown: unknown): Status {
  if (thrown instanceof TtrpcError) return { code: thrown.status, message: thrown.message, details: thrown.details };
  const message = thrown instanceof Error ? thrown.message : `a ${typeof thrown} was thrown`;
  return { code: STATUS.unknown, message };
}
