import { writeFileSync } from "node:fs";
import { type Allowance, exitCodeOf, type Verdict } from "@inclavare/attestation";
import { type Output, printJson } from "@inclavare/cli";
import { createHttpClient, type EnclaveTlsSocket, identityFromKey } from "@inclavare/enclave-tls";
import { InclavareError } from "@inclavare/errors";
import { openCollateral } from "./collateral.ts";
import { formatVerdict } from "./format-verdict.ts";
import { readTrustAnchors } from "./inputs.ts";
import { loadKey } from "./key-files.ts";
import { deliverSecrets, readSecrets } from "./secrets.ts";
import { SessionAppraisal, type SessionPolicy, verdictOfFailure } from "./session-verdict.ts";
import { openStore } from "./store.ts";
import { openWorkloadSession, type WorkloadAddress } from "./workload-session.ts";

/** What `shelter attest` was asked for; files are still names. */
export interface AttestRequest {
  readonly address: WorkloadAddress;
  /** For each step: reaching inclavared, the tunnel, the session, each secret. */
  readonly timeoutMs: number;
  readonly state: string;
  readonly keyFile: string | undefined;
  readonly trust: readonly string[];
  readonly allow: readonly Allowance[];
  /** Bundle, directory, services: as the command line names them. */
  readonly collateral: Parameters<typeof openCollateral>[0];
  /** `NAME=FILE`. */
  readonly secrets: readonly string[];
  readonly evidenceFile: string | undefined;
  readonly isJson: boolean;
}

/**
 * Opens a session with the workload, prints the verdict, and hands over the secrets on that same session if, and only if,
 * the verdict is "accepted".
 * @returns the exit code of the verdict.
 */
export async function runAttest(
  request: AttestRequest,
  { stdout, stderr }: { readonly stdout: Output; readonly stderr: Output },
): Promise<number> {
  const { address, timeoutMs } = request;
  const secrets = readSecrets(request.secrets);
  const appraisal = new SessionAppraisal(await readPolicy(request));
  const identity = await identityFromKey(loadKey("client", request.state, request.keyFile), { now: new Date() });
  const appraise = appraisal.appraise.bind(appraisal);
  const outcome = await attempt(() => openWorkloadSession(address, { identity, appraise, timeoutMs }));
  try {
    saveEvidence(request.evidenceFile, appraisal.evidence);
    const verdict = decide(outcome, appraisal.verdict);
    printVerdict(stdout, verdict, request.isJson);
    const { socket } = outcome;
    if (socket === undefined || verdict.verdict !== "accepted") return exitCodeOf(verdict);
    using http = createHttpClient(socket);
    await deliverSecrets(http, secrets, timeoutMs);
    for (const { name } of secrets) stderr.write(`secret "${name}" delivered\n`);
    return 0;
  } finally {
    outcome.socket?.destroy();
  }
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

async function readPolicy({ state, address, trust, allow, collateral }: AttestRequest): Promise<SessionPolicy> {
  const trustAnchors = readTrustAnchors(trust);
  const { bundle, resolve } = await openCollateral(collateral, { state, trustAnchors, now: () => new Date() });
  using store = openStore(state);
  return {
    trustAnchors,
    references: store.listReferences(address.workload),
    allow,
    ...(bundle === undefined ? {} : { collateral: bundle }),
    ...(resolve === undefined ? {} : { resolve }),
  };
}

function saveEvidence(file: string | undefined, evidence: Uint8Array | undefined): void {
  if (file === undefined || evidence === undefined) return;
  try {
    writeFileSync(file, evidence);
  } catch (error) {
    throw new InclavareError("ERR_FILE", `cannot write ${file}`, { cause: error });
  }
}
