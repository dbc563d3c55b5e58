import { writeFileSync } from "node:fs";
import { ALLOWANCES, exitCodeOf, type Verdict } from "@inclavare/attestation";
import { type Command, defineCommand, type Output, printJson } from "@inclavare/cli";
import { createHttpClient, type EnclaveTlsSocket, identityFromKey } from "@inclavare/enclave-tls";
import { InclavareError } from "@inclavare/errors";
import { loadClientKey } from "../client-key.ts";
import { formatVerdict } from "../format-verdict.ts";
import { parseAllowances, readCollateral, readTrustAnchors } from "../inputs.ts";
import { deliverSecrets, readSecrets } from "../secrets.ts";
import { SessionAppraisal, type SessionPolicy, verdictOfFailure } from "../session-verdict.ts";
import { openStore, type ReferenceRecord } from "../store.ts";
import { openWorkloadSession, type WorkloadAddress } from "../workload-session.ts";

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
      trust: { type: "string", multiple: true, value: "PEM", help: "roots of evidence, in place of the built-in ones" },
      collateral: { type: "string", value: "FILE", help: "collateral, in place of what the workload sends" },
      allow: { type: "string", multiple: true, value: "WORD", help: `accept also ${ALLOWANCES.join(", ")}` },
      secret: { type: "string", multiple: true, value: "NAME=FILE", help: "a secret for the accepted workload" },
      key: { type: "string", value: "PEM", help: "client key (P-256), in place of the one in the state" },
      state: { type: "string", value: "DIR", help: `Shelter's state (default: ${defaultState})` },
      "save-evidence": { type: "string", value: "FILE", help: "write the session's evidence message to this file" },
      timeout: { type: "string", value: "SECONDS", help: `for each step (default: ${DEFAULT_TIMEOUT_S})` },
      output: { type: "string", short: "o", choices: ["text", "json"], help: "form of the verdict (default: text)" },
    },
    notes:
      "Exit codes: 0 accepted, 3 wrong evidence, 4 collateral missing or expired, 5 refused by policy, 1 anything else.",
    async run({ values, positionals, stdout, stderr }) {
      const state = values.state ?? defaultState;
      const [workload = ""] = positionals;
      const address = parseAddress(values.via, workload, values.container);
      const timeoutMs = parseTimeout(values.timeout);
      const secrets = readSecrets(values.secret);
      const appraisal = new SessionAppraisal(readPolicy(values, readReferences(state, workload)));
      const identity = await identityFromKey(loadClientKey(state, values.key), { now: new Date() });
      const appraise = appraisal.appraise.bind(appraisal);
      const outcome = await attempt(() => openWorkloadSession(address, { identity, appraise, timeoutMs }));
      try {
        saveEvidence(values["save-evidence"], appraisal.evidence);
        const verdict = decide(outcome, appraisal.verdict);
        printVerdict(stdout, verdict, values.output === "json");
        const { socket } = outcome;
        if (socket === undefined || verdict.verdict !== "accepted") return exitCodeOf(verdict);
        using http = createHttpClient(socket);
        await deliverSecrets(http, secrets, timeoutMs);
        for (const { name } of secrets) stderr.write(`secret "${name}" delivered\n`);
        return 0;
      } finally {
        outcome.socket?.destroy();
      }
    },
  });
}

interface Outcome {
  readonly socket?: EnclaveTlsSocket;
  readonly error?: unknown;
}

async function attempt(open: () => Promise<EnclaveTlsSocket>): Promise<Outcome> {
  try {
    return { socket: await open() };
  } catch (error) {
    return { error };
  }
}

/** The verdict of a session, open or refused. A failure that is none of the workload's doing is thrown on. */
function decide({ socket, error }: Outcome, appraised: Verdict | undefined): Verdict {
  if (appraised !== undefined && (socket !== undefined || appraised.verdict !== "accepted")) return appraised;
  const verdict = verdictOfFailure(error);
  if (verdict === undefined) throw error;
  return verdict;
}

function printVerdict(output: Output, verdict: Verdict, isJson: boolean): void {
  if (isJson) printJson(output, verdict);
  else output.write(formatVerdict(verdict));
}

function readPolicy(
  values: {
    readonly trust: readonly string[];
    readonly allow: readonly string[];
    readonly collateral: string | undefined;
  },
  references: readonly ReferenceRecord[],
): SessionPolicy {
  const collateral = values.collateral === undefined ? {} : { collateral: readCollateral(values.collateral) };
  const trustAnchors = readTrustAnchors(values.trust);
  return { trustAnchors, references, allow: parseAllowances(values.allow), ...collateral };
}

function readReferences(state: string, workload: string): ReferenceRecord[] {
  using store = openStore(state);
  return store.listReferences(workload);
}

function saveEvidence(file: string | undefined, evidence: Uint8Array | undefined): void {
  if (file === undefined || evidence === undefined) return;
  try {
    writeFileSync(file, evidence);
  } catch (error) {
    throw new InclavareError("ERR_FILE", `cannot write ${file}`, { cause: error });
  }
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
