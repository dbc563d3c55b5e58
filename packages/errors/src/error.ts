import { ERROR_CODES, type ErrorCode } from "./codes/index.ts";
import type { ErrorKind } from "./kinds.ts";

/** A value that survives JSON, so that it can be logged and sent. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface InclavareErrorOptions {
  /** What led to this; kept at every re-throw, never sent to a remote caller. */
  readonly cause?: unknown;
  /** Facts for machines, safe to log and to send: no secret, no path that the receiver may not know. */
  readonly details?: Readonly<Record<string, JsonValue>>;
}

/**
 * The one error class. The code says what happened and, through the table, of what kind it is; the message says what
 * was expected, what came, and which input it was.
 */
export class InclavareError extends Error {
  override readonly name = "InclavareError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, JsonValue>>;

  constructor(code: ErrorCode, message: string, options: InclavareErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind;
  }
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === "string" ? thrown : `a ${typeof thrown} was thrown`;
}

/** Turns whatever was thrown into an {@link InclavareError}; used once, at a boundary. */
export function toInclavareError(thrown: unknown, fallback: ErrorCode = "ERR_INTERNAL"): InclavareError {
  if (thrown instanceof InclavareError) return thrown;
  return new InclavareError(fallback, messageOf(thrown), { cause: thrown });
}

/** True for an error of ours, and, where a code is given, for that code. */
export function isInclavareError(thrown: unknown, code?: ErrorCode): thrown is InclavareError {
  return thrown instanceof InclavareError && (code === undefined || thrown.code === code);
}

/** The messages from the outermost error to the innermost cause, without repeats. */
export function causeChain(thrown: unknown): string[] {
  const messages: string[] = [];
  const seen = new Set<unknown>();
  for (let current = thrown; current !== undefined && current !== null && !seen.has(current);) {
    seen.add(current);
    const message = messageOf(current);
    if (message !== messages.at(-1)) messages.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages;
}

/** The whole chain in one line with the code, for a log whose last line is all that a caller shows. */
export function formatOneLine(thrown: unknown): string {
  const error = toInclavareError(thrown);
  return `${causeChain(thrown).join(": ")} (${error.code})`;
}

/** For a person at a terminal: the message with its code, then one `caused by:` line for each cause. */
export function formatForPerson(thrown: unknown): string {
  const [first = "", ...causes] = causeChain(thrown);
  const code = toInclavareError(thrown).code;
  return [`${first} [${code}]`, ...causes.map((cause) => `  caused by: ${cause}`)].join("\n");
}
