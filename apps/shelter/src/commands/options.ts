/** Options that several commands have. */
import { ALLOWANCES } from "@inclavare/attestation";
import { serviceOptions } from "../collateral.ts";

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

/** What evidence is verified with; see `verification.ts`. */
export const evidenceOptions = {
  collateral: {
    type: "string",
    value: "PATH",
    help: "bundle, other file of collateral or directory of them, in place of what the evidence brings",
  },
  ...serviceOptions,
  endorsement: {
    type: "string",
    multiple: true,
    value: "CERTS",
    help: "certificates and revocation lists that endorse the platform",
  },
  trust: trustOption,
  time: { type: "string", value: "ISO", help: "verify as of this time (default: now)" },
  nonce: { type: "string", value: "HEX", help: "the challenge that the evidence must answer" },
  allow: allowOption,
} as const;

export const policyOption = {
  type: "string",
  value: "FILE",
  help: "reference values, accepted TCB statuses, allowances (JSON)",
} as const;

export const tokenKeyOption = {
  type: "string",
  value: "PEM",
  help: "sign with this key (P-256, P-384, Ed25519), in place of the one in the state",
} as const;

/** What a token is issued with; see `token.ts`. */
export const tokenOptions = {
  token: { type: "string", value: "FILE", help: "write an attestation result (EAR token) to this file" },
  audience: { type: "string", value: "NAME", help: "whom the token is for; needed for one" },
  issuer: { type: "string", value: "NAME", help: "who issues the token (default: the key's thumbprint)" },
  "max-age": { type: "string", value: "SECONDS", help: "longest life of the token (default: 300)" },
  "token-key": tokenKeyOption,
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

/** `-o` of a command whose verdict can be a token. */
export const verdictOutputOption = {
  type: "string",
  short: "o",
  choices: ["text", "json", "ear"],
  help: "form of the verdict; ear: a signed token (default: text)",
} as const;

export function stateOption(defaultState: string) {
  return { type: "string", value: "DIR", help: `Shelter's state (default: ${defaultState})` } as const;
}
