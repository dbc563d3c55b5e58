import { isDeepStrictEqual } from "node:util";

/** What a check found wrong with a runtime: no failure of the kit itself. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** Why a check cannot tell anything here. */
export class NotApplicable extends Error {
  override readonly name = "NotApplicable";
}

/** @throws Finding with `message` unless the condition holds */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Finding(message);
}

/** @throws Finding that tells both values when they differ */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  expect(isDeepStrictEqual(actual, expected), `${what} is ${shorten(actual)}, expected ${shorten(expected)}`);
}

const SHOWN_CHARACTERS = 200;

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  if (text.length <= SHOWN_CHARACTERS) return text;
  return `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length} characters)`;
}
