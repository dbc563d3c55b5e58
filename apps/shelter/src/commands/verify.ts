import { exitCodeOf, verifyEvidence } from "@inclavare/attestation";
import { defineCommand, printJson } from "@inclavare/cli";
import { formatVerdict } from "../format-verdict.ts";
import {
  parseAllowances,
  parseNonce,
  parseTime,
  readBytes,
  readCollateral,
  readEndorsements,
  readPolicy,
  readTrustAnchors,
} from "../inputs.ts";
import { allowOption, outputOption, trustOption } from "./options.ts";

/** `shelter verify FILE`: evidence in, verdict out; no network, and no state. */
export const verifyCommand = defineCommand({
  name: "verify",
  summary: "verifies a quote, report, token, document, certificate or evidence message, and appraises it",
  positionals: ["FILE"],
  options: {
    collateral: {
      type: "string",
      value: "FILE",
      help: "collateral bundle, in place of what an evidence message brings",
    },
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
    const verdict = verifyEvidence({
      allow: parseAllowances(values.allow),
      now: values.time === undefined ? new Date() : parseTime(values.time),
      ...(values.nonce === undefined ? {} : { nonce: parseNonce(values.nonce) }),
      evidenceOnly: values["evidence-only"],
      bytes: readBytes(positionals[0] ?? ""),
      trustAnchors: readTrustAnchors(values.trust),
      endorsements: readEndorsements(values.endorsement),
      ...(values.collateral === undefined ? {} : { collateral: readCollateral(values.collateral) }),
      ...(values.policy === undefined ? {} : { policy: readPolicy(values.policy) }),
    });
    if (values.output === "json") printJson(stdout, verdict);
    else stdout.write(formatVerdict(verdict));
    return exitCodeOf(verdict);
  },
});
