/** Reference values: what an enclave is expected to be, and which expectation comes closest. */
import type { ErrorCode } from "@inclavare/errors";
import { CheckFailure, type CheckList } from "./check.ts";
import type { ReferenceValue } from "./policy.ts";
import type { MeasurementVerdict } from "./verdict.ts";

interface Comparison {
  readonly check: string;
  readonly code: ErrorCode;
  readonly what: string;
  /** `undefined`: the reference says nothing about it. */
  readonly expected: string | undefined;
  readonly actual: string;
  readonly matches: boolean;
}

/**
 * Adds one check for each part of the measurement. Evidence that matches one reference wholly is compared with that one;
 * otherwise with the one that it matches in most parts, so that the verdict says what is different.
 */
export function addReferenceChecks(
  list: CheckList,
  measurement: MeasurementVerdict,
  references: readonly ReferenceValue[],
  allowance: string | undefined,
): void {
  const best = references
    // A reference that names neither would match every enclave there is.
    .filter(({ mrEnclave, mrSigner }) => mrEnclave !== undefined || mrSigner !== undefined)
    .map((reference) => ({ reference, comparisons: compare(measurement, reference) }))
    .toSorted((a, b) => failures(a.comparisons) - failures(b.comparisons))[0];
  if (best === undefined) {
    const noReference = (): never => {
      throw new CheckFailure("ERR_POLICY_NO_REFERENCE", "there is no reference value to compare the measurement with", {
        expected: "a reference value",
        actual: measurement.mrEnclave,
      });
    };
    list.run("measurement", [], noReference, allowance);
    return;
  }
  const { source } = best.reference;
  for (const { check, code, what, expected, actual, matches } of best.comparisons) {
    if (expected === undefined) {
      list.add({ check, result: "skipped", actual, message: `the reference from ${source} says nothing of ${what}` });
      continue;
    }
    list.run(check, [], () => {
      if (matches) return { value: true, expected, actual, message: `${what} is that of the reference from ${source}` };
      throw new CheckFailure(code, `${what} is not that of the reference from ${source}`, { expected, actual });
    });
  }
}

function failures(comparisons: readonly Comparison[]): number {
  return comparisons.filter(({ matches }) => !matches).length;
}

function compare(measurement: MeasurementVerdict, reference: ReferenceValue): Comparison[] {
  const { mrEnclave, mrSigner, isvProdId, minIsvSvn } = reference;
  const part = (
    check: string,
    code: ErrorCode,
    what: string,
    values: { readonly expected: string | undefined; readonly actual: string; readonly matches: boolean },
  ): Comparison => ({ check, code, what, ...values, matches: values.expected === undefined || values.matches });
  return [
    part(
      "measurement",
      "ERR_POLICY_MEASUREMENT",
      "MRENCLAVE",
      equality(mrEnclave?.toLowerCase(), measurement.mrEnclave),
    ),
    part("signer", "ERR_POLICY_SIGNER", "MRSIGNER", equality(mrSigner?.toLowerCase(), measurement.mrSigner)),
    part("product", "ERR_POLICY_PRODUCT", "ISVPRODID", equality(isvProdId, measurement.isvProdId)),
    part("version", "ERR_POLICY_VERSION", "ISVSVN", {
      expected: minIsvSvn === undefined ? undefined : `${minIsvSvn} or above`,
      actual: String(measurement.isvSvn),
      matches: measurement.isvSvn >= (minIsvSvn ?? 0),
    }),
  ];
}

function equality<T extends string | number>(
  expected: T | undefined,
  actual: T,
): { readonly expected: string | undefined; readonly actual: string; readonly matches: boolean } {
  return {
    expected: expected === undefined ? undefined : String(expected),
    actual: String(actual),
    matches: expected === actual,
  };
}
