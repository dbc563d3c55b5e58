/** Reference values: what evidence is expected to speak of, and which expectation comes closest. */
import { CheckFailure, type CheckList } from "./check.ts";
import type { MeasurementVerdict } from "./measurement.ts";
import type { ReferenceValue } from "./policy.ts";
import { fieldsOf, type ReferenceField, teeOfReference } from "./reference-fields.ts";

interface Comparison {
  readonly field: ReferenceField;
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
  const best = findBest(measurement, references);
  if (best === undefined) {
    const noReference = (): never => {
      const message = `there is no reference value of ${measurement.tee} to compare the measurement with`;
      throw new CheckFailure("ERR_POLICY_NO_REFERENCE", message, {
        expected: "a reference value",
        actual: identityOf(measurement),
      });
    };
    list.run("measurement", [], noReference, allowance);
    return;
  }
  const { source } = best.reference;
  for (const { field, expected, actual, matches } of best.comparisons) {
    const { check, code, what } = field;
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

/** What sets a measurement apart from a reference. */
export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** The reference that a measurement matches in most parts; `undefined` where there is none of its TEE. */
export function closestReference(
  measurement: MeasurementVerdict,
  references: readonly ReferenceValue[],
): { readonly reference: ReferenceValue; readonly differences: readonly Difference[] } | undefined {
  const best = findBest(measurement, references);
  if (best === undefined) return undefined;
  const differences = best.comparisons.flatMap(({ field, expected, actual, matches }) =>
    matches || expected === undefined ? [] : [{ what: field.what, expected, actual }],
  );
  return { reference: best.reference, differences };
}

function findBest(measurement: MeasurementVerdict, references: readonly ReferenceValue[]) {
  return references
    .filter((reference) => teeOfReference(reference) === measurement.tee)
    .map((reference) => ({ reference, comparisons: compare(measurement, reference) }))
    .toSorted((a, b) => failures(a.comparisons) - failures(b.comparisons))[0];
}

function failures(comparisons: readonly Comparison[]): number {
  return comparisons.filter(({ matches }) => !matches).length;
}

function compare(measurement: MeasurementVerdict, reference: ReferenceValue): Comparison[] {
  const actuals = measurement as unknown as Readonly<Record<string, unknown>>;
  const expectations = reference as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(fieldsOf(measurement.tee)).map(([name, field]) => {
    const actual = textOf(actuals[field.of ?? name]);
    const wanted = expectations[name];
    if (wanted === undefined) return { field, expected: undefined, actual, matches: true };
    const expected = textOf(wanted).toLowerCase();
    if (field.least === undefined) return { field, expected, actual, matches: expected === actual };
    const reaches = field.least === "number" ? Number(actual) >= Number(expected) : reachesEach(actual, expected);
    return { field, expected: `${expected} or above`, actual, matches: reaches };
  });
}

/** Both are hexadecimal of the same length; an absent value reaches nothing. */
function reachesEach(actual: string, least: string): boolean {
  const [has, needs] = [Buffer.from(actual, "hex"), Buffer.from(least, "hex")];
  return has.length === needs.length && needs.every((byte, index) => (has[index] ?? -1) >= byte);
}

/** The first field of each TEE is what its software is told apart by. */
function identityOf(measurement: MeasurementVerdict): string {
  const [name = ""] = Object.keys(fieldsOf(measurement.tee));
  return textOf((measurement as unknown as Readonly<Record<string, unknown>>)[name]);
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "string" || typeof value === "number" ? String(value) : "none";
}
