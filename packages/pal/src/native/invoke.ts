import { getSystemErrorMessage, getSystemErrorName } from "node:util";
import { InclavareError } from "@inclavare/errors";
import type { Arguments, Calls, CallResult } from "./calls.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Library, PalSymbol } from "./library.ts";

/**
 * Calls functions of a library, and takes every value but 0 for a failure.
 * @throws ERR_PAL_CALL with the function, its value and errno; ERR_DEADLINE; ERR_PAL_UNSUPPORTED
 */
export class Invoker {
  readonly #library: Library;
  readonly #calls: Calls;
  readonly #deadlinesMs: Partial<Record<PalSymbol, number>>;

  constructor(library: Library, calls: Calls, deadlinesMs: Partial<Deadlines>) {
    this.#library = library;
    this.#calls = calls;
    this.#deadlinesMs = deadlinesMs;
  }

  async invoke(symbol: PalSymbol, args: Arguments): Promise<void> {
    const result = await this.#calls.call(this.#library.find(symbol), args, this.#deadlinesMs[symbol]);
    if (result.value !== 0) throw failure(`${symbol} of ${this.#library.name}`, symbol, result);
  }
}

function failure(what: string, call: PalSymbol, { value, errno }: CallResult): InclavareError {
  const message = `${what} failed with ${[String(value), ...meanings(value, errno)].join(", ")}`;
  return new InclavareError("ERR_PAL_CALL", message, { details: { call, value, errno } });
}

/** What a value means if it is a negative errno, and what the library left in errno. */
function meanings(value: number, errno: number): string[] {
  if (value > 0) return ["expected 0 for success or a negative errno value"];
  // -1 is what those return that put the reason into errno.
  if (value === -1) return errno > 0 ? [`errno ${errnoText(-errno)}`] : [];
  return value > -4096 ? [errnoText(value)] : [];
}

/** With the words for it: callers of container runtimes look for "no such file or directory". */
function errnoText(negative: number): string {
  return `${getSystemErrorName(negative)}: ${getSystemErrorMessage(negative)}`;
}
