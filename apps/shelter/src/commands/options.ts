/** Options that several commands have. */
import { ALLOWANCES } from "@inclavare/attestation";

export const trustOption = {
  type: "string",
  multiple: true,
  value: "PEM",
  help: "roots or platform keys, in place of the built-in roots",
} as const;

export const allowOption = {
  type: "string",
  multiple: true,
  value: "WORD",
  help: `accept also ${ALLOWANCES.join(", ")}`,
} as const;

/** `-o`; `what` is printed in that form. */
export function outputOption(what: string) {
  return {
    type: "string",
    short: "o",
    choices: ["text", "json"],
    help: `form of the ${what} (default: text)`,
  } as const;
}

export function stateOption(defaultState: string) {
  return { type: "string", value: "DIR", help: `Shelter's state (default: ${defaultState})` } as const;
}
