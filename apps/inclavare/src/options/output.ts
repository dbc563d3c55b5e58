import { type Output, printJson, printTable } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";

const format = {
  type: "string",
  choices: ["text", "json"],
  help: "form of the result (default: text)",
} as const;

/** For commands whose only output is what they print: `-o json`. */
export const formatOption = { format: { ...format, short: "o", value: "FORM" } } as const;

/** For commands that write to a path named by `-o`. */
export const jsonOptions = {
  format: { ...format, value: "FORM" },
  json: { type: "boolean", help: "the same as --format json" },
} as const;

/** A result: names and values for people, the same as JSON for programs. */
export interface Result {
  readonly json: Readonly<Record<string, unknown>>;
  /** Rows of name and value; those without a value are left out. */
  readonly rows: readonly (readonly [name: string, value: string | number | undefined])[];
}

/** Prints a result in the form that the options ask for. */
export function printResult(
  stdout: Output,
  values: { readonly format: string | undefined; readonly json?: boolean },
  { json, rows }: Result,
): void {
  if (values.json === true && values.format === "text") {
    throw new InclavareError("ERR_USAGE", "--json and --format text contradict each other");
  }
  if (values.json === true || values.format === "json") {
    printJson(stdout, json);
    return;
  }
  printTable(
    stdout,
    rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
