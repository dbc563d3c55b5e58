import { type Command, defineCommand } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { serviceOptions } from "../collateral.ts";
import { parseAllowances } from "../inputs.ts";
import { parseTokenRequest } from "../token.ts";
import type { WorkloadAddress } from "../workload-session.ts";
import { allowOption, policyOption, stateOption, tokenOptions, trustOption, verdictOutputOption } from "./options.ts";

const DEFAULT_TIMEOUT_S = 30;
const MAX_TIMEOUT_S = 600;

/** `shelter attest`: one workload, one session, one verdict; and its secrets, if that is good. */
export function createAttestCommand(defaultState: string): Command {
  return defineCommand({
    name: "attest",
    summary: "attests a workload through its node's inclavared, and hands over its secrets if it is accepted",
    positionals: ["WORKLOAD"],
    options: {
      via: { type: "string", value: "HOST:PORT", help: "where inclavared listens" },
      container: { type: "string", value: "ID", help: "which container, where several run the workload" },
      trust: trustOption,
      collateral: {
        type: "string",
        value: "PATH",
        help: "bundle, other file of collateral or directory of them, in place of what the workload sends",
      },
      ...serviceOptions,
      policy: policyOption,
      allow: allowOption,
      secret: { type: "string", multiple: true, value: "NAME=FILE", help: "a secret for the accepted workload" },
      key: { type: "string", value: "PEM", help: "client key (P-256), in place of the one in the state" },
      state: stateOption(defaultState),
      "save-evidence": { type: "string", value: "FILE", help: "write the session's evidence message to this file" },
      timeout: { type: "string", value: "SECONDS", help: `for each step (default: ${DEFAULT_TIMEOUT_S})` },
      ...tokenOptions,
      output: verdictOutputOption,
    },
    notes:
      "Exit codes: 0 accepted, 3 wrong evidence, 4 collateral missing or expired, 5 refused by policy, 1 anything else.",
    async run({ values, positionals, stdout, stderr }) {
      const [workload = ""] = positionals;
      const { output } = values;
      const token = parseTokenRequest(values, output === "ear");
      const address = parseAddress(values.via, workload, values.container);
      const request = {
        address,
        timeoutMs: parseTimeout(values.timeout),
        state: values.state ?? defaultState,
        keyFile: values.key,
        trust: values.trust,
        allow: parseAllowances(values.allow),
        collateral: values,
        secrets: values.secret,
        evidenceFile: values["save-evidence"],
        policyFile: values.policy,
        ...(token === undefined ? {} : { token }),
        tokenFile: values.token,
        output,
      };
      // TLS, HTTP and SQLite are loaded for this command only.
      const { runAttest } = await import("../attest.ts");
      return await runAttest(request, { stdout, stderr });
    },
  });
}

function parseAddress(via: string | undefined, workload: string, container: string | undefined): WorkloadAddress {
  if (via === undefined) throw new InclavareError("ERR_USAGE", "--via HOST:PORT is missing");
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/u.exec(via) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new InclavareError("ERR_USAGE", `--via is "${via}", expected HOST:PORT`);
  }
  return { via: { host, port }, workload, ...(container === undefined ? {} : { container }) };
}

function parseTimeout(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_TIMEOUT_S : Number(text);
  if (Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= MAX_TIMEOUT_S) return seconds * 1000;
  throw new InclavareError("ERR_USAGE", `--timeout is "${text}", expected 1 to ${MAX_TIMEOUT_S} seconds`);
}
