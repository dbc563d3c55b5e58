import { ERROR_CODES, type ErrorCode } from "./codes/index.ts";
import { InclavareError, type JsonValue, toInclavareError } from "./error.ts";

/** An error as it crosses a socket between our own processes; the cause chain stays behind, in the message only. */
export interface WireError {
  readonly code: string;
  readonly kind: string;
  readonly message: string;
  readonly details: Readonly<Record<string, JsonValue>>;
}

export function toWireError(thrown: unknown): WireError {
  const { code, kind, message, details } = toInclavareError(thrown);
  return { code, kind, message, details };
}

/** Reads a {@link WireError} from an untrusted peer: an unknown code or shape becomes `ERR_INTERNAL`, never a throw. */
export function fromWireError(value: unknown): InclavareError {
  if (!isRecord(value) || typeof value["message"] !== "string") {
    return new InclavareError("ERR_INTERNAL", "the peer reported an error in a form that is not ours");
  }
  const { code, message, details } = value;
  const known = typeof code === "string" && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : undefined;
  if (known === undefined) return new InclavareError("ERR_INTERNAL", `${message} (unknown code ${String(code)})`);
  return new InclavareError(known, message, isRecord(details) ? { details: details as Record<string, JsonValue> } : {});
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
