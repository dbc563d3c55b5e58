import { exitCodeOf, verifyEvidence } from "@inclavare/attestation";
import { type Command, defineCommand, printJson } from "@inclavare/cli";
import { openCollateral, serviceOptions } from "../collateral.ts";
import { formatVerdict } from "../format-verdict.ts";
import {
  parseAllowances,
  parseNonce,
  parseTime,
  readBytes,
  readEndorsements,
  readPolicy,
  readTrustAnchors,
} from "../inputs.ts";
import { allowOption, outputOption, stateOption, trustOption } from "./options.ts";

/** `shelter verify FILE`: evidence in, verdict out; no network and no state, unless a service or the cache is named. */
export function createVerifyCommand(defaultState: string): Command {
  return defineCommand({
    name: "verify",
    summary: "verifies a quote, report, token, document, certificate or evidence message, and appraises it",
    positionals: ["FILE"],
    options: {
      collateral: {
        type: "string",
        value: "PATH",
        help: "bundle, other file of collateral or directory of them, in place of what the evidence brings",
      },
      ...serviceOptions,
      state: stateOption(defaultState),
      endorsement: {
        type: "string",
        multiple: true,
        value: "CERTS",
        help: "certificates and revocation lists that endorse the platform",
      },
      trust: trustOption,
      time: { type: "string", value: "ISO", help: "verify as of this time (default: now)" },
      nonce: { type: "string", value: "HEX", help: "the challenge that the evidence must answer" },
      policy: { type: "string", value: "FILE", help: "reference values, accepted TCB statuses, allowances (JSON)" },
      allow: allowOption,
      "evidence-only": { type: "boolean", help: "stop before the policy" },
      output: outputOption("verdict"),
    },
    notes: [
      "The nonce is compared with the claim of that name; of a bare quote it must be the report data, padded with zeros.",
      "Exit codes: 0 accepted, 3 signature, chain, revocation or format, 4 collateral missing or expired,",
      "5 refused by policy, 6 verified without a policy, 1 a fault on this side, 2 wrong usage.",
    ].join("\n"),
    async run({ values, positionals, stdout }) {
      const bytes = readBytes(positionals[0] ?? "");
      const trustAnchors = readTrustAnchors(values.trust);
      const now = values.time === undefined ? new Date() : parseTime(values.time);
      const endorsements = readEndorsements(values.endorsement);
      const places = { state: values.state ?? defaultState, trustAnchors, now: () => now };
      const { bundle, resolve } = await openCollateral(values, places);
      const verdict = verifyEvidence({
        allow: parseAllowances(values.allow),
        now,
        ...(values.nonce === undefined ? {} : { nonce: parseNonce(values.nonce) }),
        evidenceOnly: values["evidence-only"],
        bytes,
        trustAnchors,
        endorsements,
        ...(bundle === undefined ? {} : { collateral: bundle }),
        ...(await resolve?.(bytes, endorsements)),
        ...(values.policy === undefined ? {} : { policy: readPolicy(values.policy) }),
      });
      if (values.output === "json") printJson(stdout, verdict);
      else stdout.write(formatVerdict(verdict));
      return exitCodeOf(verdict);
    },
  });
}
