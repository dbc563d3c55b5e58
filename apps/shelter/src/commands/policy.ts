import { createHash } from "node:crypto";
import {
  exitCodeOf,
  isOfDebug,
  policyFromEvidence,
  type Verdict,
  verifyEvidence,
  type VerifyEvidenceInput,
} from "@inclavare/attestation";
import { type Command, defineCommand, printJson } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { formatVerdict } from "../format-verdict.ts";
import { readPolicy } from "../inputs.ts";
import { writeWhole } from "../output-file.ts";
import { reviewPolicy } from "../policy-review.ts";
import { readVerification } from "../verification.ts";
import { evidenceOptions, outputOption, stateOption } from "./options.ts";

/** `shelter policy new|check`: policies from evidence, and what is to be said of one. */
export function createPolicyCommands(defaultState: string): Command[] {
  return [createNew(defaultState), createCheck(defaultState)];
}

function createNew(defaultState: string): Command {
  return defineCommand({
    name: "policy new",
    summary: "writes a policy that takes what this evidence speaks of, and refuses all else",
    positionals: ["FILE"],
    options: {
      ...evidenceOptions,
      "pin-platform": { type: "boolean", help: "take this very machine only" },
      source: { type: "string", value: "TEXT", help: "where the evidence came from (default: file, hash and time)" },
      out: { type: "string", value: "POLICY", help: "write the policy to this file (default: print it)" },
      state: stateOption(defaultState),
    },
    notes: [
      "The evidence is verified first. Simulated and debug evidence needs its word (--allow), which the policy then has.",
      "Evidence from a node says what that node runs, not what it should run: compare the values with your own build.",
      "Exit codes: 0 written, 3 signature, chain, revocation or format, 4 collateral missing or expired, 5 simulated or",
      "debug, 1 a fault on this side, 2 wrong usage.",
    ].join("\n"),
    async run({ values, positionals, stdout, stderr }) {
      const [file = ""] = positionals;
      const input = await readVerification(file, values, {
        state: values.state ?? defaultState,
        evidenceOnly: true,
      });
      const verdict = verifyEvidence(input);
      const { measurement } = verdict;
      if (verdict.verdict === "refused" || measurement === null) {
        stderr.write(formatVerdict(verdict));
        return exitCodeOf(verdict);
      }
      assertWanted(verdict, input);
      const policy = policyFromEvidence(
        { ...verdict, measurement },
        {
          source: values.source ?? describeSource(file, verdict, input),
          allow: input.allow,
          pinPlatform: values["pin-platform"],
        },
      );
      if (values.out === undefined) printJson(stdout, policy);
      else writeWhole(values.out, `${JSON.stringify(policy, undefined, 2)}\n`);
      for (const remark of remarksOn(verdict, input)) stderr.write(`${remark}\n`);
      return 0;
    },
  });
}

/** Such evidence proves nothing: whoever wants a policy for it must say so. */
function assertWanted(verdict: Verdict, { allow }: VerifyEvidenceInput): void {
  if (verdict.tee === "simulated" && !allow.includes("simulated")) {
    throw new InclavareError(
      "ERR_POLICY_SIMULATED",
      "the evidence is simulated; --allow simulated makes a policy of it",
    );
  }
  if (isOfDebug(verdict) && !allow.includes("debug")) {
    throw new InclavareError("ERR_POLICY_DEBUG", "the evidence is of debug mode; --allow debug makes a policy of it");
  }
}

function describeSource(file: string, verdict: Verdict, { bytes, now }: VerifyEvidenceInput): string {
  const marks = [...(verdict.tee === "simulated" ? ["SIMULATED "] : []), ...(isOfDebug(verdict) ? ["DEBUG "] : [])];
  const digest = createHash("sha256").update(bytes).digest("hex");
  return `${marks.join("")}evidence in ${file} (sha-256:${digest}), verified as of ${now.toISOString()}`.slice(0, 1024);
}

/** What the writer of the policy should know before it is used. */
function remarksOn(verdict: Verdict, { allow }: VerifyEvidenceInput): string[] {
  const { tcb, measurement } = verdict;
  const status = tcb?.status;
  const isBehind = status !== undefined && status !== "UpToDate";
  return [
    "compare the reference values with your own build: evidence says what runs, not what should run",
    ...(isBehind ? [`this platform is ${status}, and the policy takes UpToDate only, unless you allow more`] : []),
    ...(measurement?.tee === "sev-snp" && measurement.vmpl > 3
      ? ["the report was asked for by the host, and the policy takes none of those"]
      : []),
    ...(allow.length === 0 ? [] : [`the policy allows ${[...new Set(allow)].join(", ")}`]),
  ];
}

function createCheck(defaultState: string): Command {
  return defineCommand({
    name: "policy check",
    summary: "reads a policy, says what it leaves open, and tries it on recorded evidence",
    positionals: ["POLICY", "FILE?"],
    options: { ...evidenceOptions, state: stateOption(defaultState), output: outputOption("answer") },
    notes: [
      "Exit codes: without evidence 0; with evidence those of verify; 1 a policy that cannot be read, 2 wrong usage.",
    ].join("\n"),
    async run({ values, positionals, stdout }) {
      const [policyFile = "", file] = positionals;
      const policy = readPolicy(policyFile);
      const remarks = reviewPolicy(policy);
      const isJson = values.output === "json";
      if (file === undefined) {
        if (isJson) printJson(stdout, { remarks, verdict: null });
        else stdout.write(`${["the policy is well-formed", ...remarks].join("\n")}\n`);
        return 0;
      }
      const state = values.state ?? defaultState;
      const input = await readVerification(file, { ...values, policy: policyFile }, { state, evidenceOnly: false });
      const verdict = verifyEvidence(input);
      if (isJson) printJson(stdout, { remarks, verdict });
      else stdout.write(`${remarks.map((remark) => `${remark}\n`).join("")}${formatVerdict(verdict)}`);
      return exitCodeOf(verdict);
    },
  });
}
