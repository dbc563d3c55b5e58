import { exitCodeOf, verifyEvidence } from "@inclavare/attestation";
import { type Command, defineCommand } from "@inclavare/cli";
import { printVerdict } from "../format-verdict.ts";
import { writeWhole } from "../output-file.ts";
import { issueToken, parseTokenRequest } from "../token.ts";
import { appliedPolicy, readVerification } from "../verification.ts";
import { evidenceOptions, policyOption, stateOption, tokenOptions, verdictOutputOption } from "./options.ts";

/** `shelter verify FILE`: evidence in, verdict out; no network and no state, unless a service, the cache or a token is named. */
export function createVerifyCommand(defaultState: string): Command {
  return defineCommand({
    name: "verify",
    summary: "verifies a quote, report, token, document, certificate or evidence message, and appraises it",
    positionals: ["FILE"],
    options: {
      ...evidenceOptions,
      policy: policyOption,
      "evidence-only": { type: "boolean", help: "stop before the policy" },
      ...tokenOptions,
      state: stateOption(defaultState),
      output: verdictOutputOption,
    },
    notes: [
      "The nonce is compared with the claim of that name; of a bare quote it must be the report data, padded with zeros.",
      "A token is issued over a refusal too, and says so; the exit code is that of the verdict.",
      "Exit codes: 0 accepted, 3 signature, chain, revocation or format, 4 collateral missing or expired,",
      "5 refused by policy, 6 verified without a policy, 1 a fault on this side, 2 wrong usage.",
    ].join("\n"),
    async run({ values, positionals, stdout }) {
      const [file = ""] = positionals;
      const { output, state = defaultState, token: tokenFile } = values;
      const request = parseTokenRequest(values, output === "ear");
      const input = await readVerification(file, values, { state, evidenceOnly: values["evidence-only"] });
      const verdict = verifyEvidence(input);
      printVerdict(stdout, verdict, output);
      if (request !== undefined) {
        const { now, nonce } = input;
        const token = issueToken(verdict, request, { now, nonce, policy: appliedPolicy(input), state });
        if (tokenFile !== undefined) writeWhole(tokenFile, `${token}\n`);
        if (output === "ear") stdout.write(`${token}\n`);
      }
      return exitCodeOf(verdict);
    },
  });
}
