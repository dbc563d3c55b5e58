import { formatOneLine, InclavareError, isInclavareError, toTtrpcStatus } from "@inclavare/errors";
import { type Status, STATUS, toStatus, TtrpcError } from "@inclavare/ttrpc";

export function notFound(message: string): TtrpcError {
  return new TtrpcError(STATUS.notFound, message);
}

export function exists(message: string): TtrpcError {
  return new TtrpcError(STATUS.alreadyExists, message);
}

export function invalid(message: string): TtrpcError {
  return new TtrpcError(STATUS.invalidArgument, message);
}

/** What the state of a process or container forbids, where containerd expects no code of its own. */
export function refused(message: string): TtrpcError {
  return new TtrpcError(STATUS.unknown, message);
}

export function precondition(message: string): TtrpcError {
  return new TtrpcError(STATUS.failedPrecondition, message);
}

/**
 * The status of whatever a call failed with. The low-level runtime's own words stay as they are, under UNKNOWN: dockerd
 * and kubelet look for them.
 */
export function statusOf(thrown: unknown): Status {
  if (thrown instanceof TtrpcError || !(thrown instanceof InclavareError)) return toStatus(thrown);
  if (thrown.code === "ERR_RUNC") return { code: STATUS.unknown, message: thrown.message };
  return { code: toTtrpcStatus(thrown).code, message: formatOneLine(thrown) };
}

/** The same failure, with what was being done in front: `OCI runtime create failed: …`. */
export function whileDoing(what: string, thrown: unknown): TtrpcError {
  const { code, message, details } = statusOf(thrown);
  return new TtrpcError(code, `${what}: ${message}`, { cause: thrown, ...(details === undefined ? {} : { details }) });
}

/** What `kill` of the low-level runtime means for the caller: a process that has ended is not found. */
export function killFailure(thrown: unknown): unknown {
  if (isInclavareError(thrown, "ERR_CONTAINER_NOT_FOUND")) return notFound("no such container");
  const message = thrown instanceof Error ? thrown.message : "";
  const isGone = /process already finished|container not running/u.test(message) || /no such process/iu.test(message);
  if (isGone) return notFound("process already finished");
  return message.includes("does not exist") ? notFound("no such container") : thrown;
}
