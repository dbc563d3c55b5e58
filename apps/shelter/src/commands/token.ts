import { type EarResult, parseKeySet, type TrustTier, verifyEar } from "@inclavare/attestation";
import { defineCommand, printJson } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { printable } from "../format-verdict.ts";
import { parseNonce, parseTime, readText } from "../inputs.ts";
import { outputOption } from "./options.ts";

/** What each choice of `--status` takes. */
const TAKEN: Readonly<Record<string, readonly TrustTier[]>> = {
  affirming: ["affirming"],
  warning: ["affirming", "warning"],
};

/** `shelter token verify`: what a relying party does with a token; no state, and no network. */
export const tokenVerifyCommand = defineCommand({
  name: "token verify",
  summary: "verifies an attestation result (EAR token) as a relying party",
  positionals: ["TOKEN"],
  options: {
    jwks: { type: "string", value: "FILE", help: "keys of the verifiers that are trusted (shelter key jwks)" },
    audience: { type: "string", value: "NAME", help: "who the relying party is: the token must be for it" },
    issuer: { type: "string", value: "NAME", help: "the only issuer that is taken (default: any with a trusted key)" },
    nonce: { type: "string", value: "HEX", help: "the challenge that the token must carry" },
    time: { type: "string", value: "ISO", help: "verify as of this time (default: now)" },
    status: {
      type: "string",
      choices: Object.keys(TAKEN),
      help: "the worst status that is taken (default: affirming)",
    },
    output: outputOption("claims"),
  },
  notes: [
    "TOKEN is a file. The claims are printed for every genuine token, also where its status is not taken.",
    "Exit codes: 0 taken, 3 form, key or signature, 4 past its date, 5 audience, issuer, nonce or status,",
    "1 a fault on this side, 2 wrong usage.",
  ].join("\n"),
  async run({ values, positionals, stdout }) {
    const { jwks, audience, issuer, nonce, time, status: worst = "affirming" } = values;
    if (jwks === undefined) throw new InclavareError("ERR_USAGE", "--jwks FILE is missing");
    if (audience === undefined) throw new InclavareError("ERR_USAGE", "--audience NAME is missing");
    const result = verifyEar(readText(positionals[0] ?? "").trim(), {
      audience,
      now: time === undefined ? new Date() : parseTime(time),
      ...(issuer === undefined ? {} : { issuer }),
      ...(nonce === undefined ? {} : { nonce: parseNonce(nonce) }),
      keys: parseKeySet(readText(jwks), jwks),
    });
    if (values.output === "json") printJson(stdout, result);
    else stdout.write(formatResult(result));
    const taken = TAKEN[worst] ?? [];
    if (taken.includes(result.status)) return 0;
    throw new InclavareError("ERR_EAR_STATUS", `the status is ${result.status}, expected ${taken.join(" or ")}`);
  },
});

function formatResult({ status, claims }: EarResult): string {
  const lines = [
    `issuer     ${claims.iss}`,
    `audience   ${[claims.aud].flat().join(", ")}`,
    `valid      ${dateOf(claims.nbf)} to ${dateOf(claims.exp)}`,
    ...Object.entries(claims.submods).flatMap(([name, appraisal]) => [
      `${name}: ${appraisal["ear.status"]}`,
      ...Object.entries(appraisal["ear.trustworthiness-vector"] ?? {}).map(
        ([claim, value]) => `  ${claim.padEnd(17)}  ${String(value)}`,
      ),
    ]),
    status.toUpperCase(),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

/** A date that no calendar has is shown as the number that it is. */
function dateOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}
