import { type ErrorCode, InclavareError, isInclavareError } from "@inclavare/errors";

/** One step of a verification or an appraisal, for people and for machines. */
export interface Check {
  /** Stable name, such as `quote-signature`. */
  readonly check: string;
  /**
   * `failed`: the evidence is refused. `allowed`: it would have failed, and an explicit word of the caller lets it pass.
   * `skipped`: not looked at, because there was no cause to, or because a failed step left nothing to look at.
   */
  readonly result: "ok" | "failed" | "allowed" | "skipped";
  /** Set for `failed` and `allowed`. */
  readonly code?: ErrorCode;
  readonly expected?: string;
  readonly actual?: string;
  readonly message: string;
}

/** What a step found out, beside that it went well. */
export interface Finding<T> {
  readonly value: T;
  readonly message: string;
  readonly expected?: string;
  readonly actual?: string;
}

/** A step that found what it is there to find. */
export class CheckFailure extends InclavareError {
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly expected?: string; readonly actual?: string; readonly cause?: unknown } = {},
  ) {
    const { expected, actual, cause } = options;
    super(code, message, {
      ...(cause === undefined ? {} : { cause }),
      details: {
        ...(expected === undefined ? {} : { expected }),
        ...(actual === undefined ? {} : { actual }),
      },
    });
    this.expected = expected;
    this.actual = actual;
  }
}

/** Throws a {@link CheckFailure}, from where an expression is wanted. */
export function failCheck(code: ErrorCode, message: string, expected?: string, actual?: string): never {
  const facts = { ...(expected === undefined ? {} : { expected }), ...(actual === undefined ? {} : { actual }) };
  throw new CheckFailure(code, message, facts);
}

/**
 * The list that a verification writes as it goes. A failed step does not end it: the steps that need nothing of the
 * failed one still run, so that a broken signature is found although the collateral is missing too.
 */
export class CheckList {
  readonly #checks: Check[] = [];

  get checks(): readonly Check[] {
    return this.#checks;
  }

  add(check: Check): void {
    this.#checks.push(check);
  }

  /**
   * Runs one step.
   * @param needs what earlier steps left; where one of them is `undefined`, the step is skipped.
   * @param allowance the caller's word that lets a failure of this step pass, where the caller has given it.
   * @returns what the step found, or `undefined` where it failed or was skipped. Faults of ours are thrown.
   */
  run<const N extends readonly unknown[], T>(
    check: string,
    needs: N,
    step: (...needs: Present<N>) => Finding<T>,
    allowance?: string,
  ): T | undefined {
    if (needs.includes(undefined)) {
      this.#checks.push({ check, result: "skipped", message: "an earlier step left nothing to check" });
      return undefined;
    }
    try {
      const { value, ...report } = step(...(needs as Present<N>));
      this.#checks.push({ check, result: "ok", ...report });
      return value;
    } catch (error) {
      const failed = toFailedCheck(check, error);
      if (allowance === undefined) this.#checks.push(failed);
      else this.#checks.push({ ...failed, result: "allowed", message: `${failed.message}; allowed by "${allowance}"` });
      return undefined;
    }
  }
}

type Present<N extends readonly unknown[]> = { [K in keyof N]: Exclude<N[K], undefined> };

function toFailedCheck(check: string, error: unknown): Check {
  if (!isInclavareError(error)) throw error;
  const { expected, actual } = error instanceof CheckFailure ? error : { expected: undefined, actual: undefined };
  return {
    check,
    result: "failed",
    code: error.code,
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    message: error.message,
  };
}

/** Makes sure that what a lower package throws has one of our codes for evidence; faults of ours pass unchanged. */
export function inStep<T>(code: ErrorCode, what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof CheckFailure || !isInclavareError(error)) throw error;
    throw new CheckFailure(code, `${what}: ${error.message}`, { cause: error });
  }
}
