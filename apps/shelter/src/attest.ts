import { writeFileSync } from "node:fs";
import { type Allowance, DEFAULT_POLICY, exitCodeOf, type Verdict } from "@inclavare/attestation";
import type { Output } from "@inclavare/cli";
import { createHttpClient, type EnclaveTlsSocket, identityFromKey } from "@inclavare/enclave-tls";
import { InclavareError } from "@inclavare/errors";
import { openCollateral } from "./collateral.ts";
import { printVerdict } from "./format-verdict.ts";
import { readPolicy, readTrustAnchors } from "./inputs.ts";
import { loadKey } from "./key-files.ts";
import { writeWhole } from "./output-file.ts";
import { deliverSecrets, readSecrets } from "./secrets.ts";
import { SessionAppraisal, type SessionPolicy, verdictOfFailure } from "./session-verdict.ts";
import { openStore, type ReferenceRecord } from "./store.ts";
import { issueToken, type TokenContent, type TokenRequest } from "./token.ts";
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
  /** Left out: no token is issued. */
  readonly token?: TokenRequest;
  readonly tokenFile: string | undefined;
  /** Reference values beside the recorded ones, and all else that a policy says; left out: the strictest. */
  readonly policyFile: string | undefined;
  /** `json`, `ear`; anything else is text. */
  readonly output: string | undefined;
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
  const policy = await readSessionPolicy(request);
  const appraisal = new SessionAppraisal(policy);
  const identity = await identityFromKey(loadKey("client", request.state, request.keyFile), { now: new Date() });
  const appraise = appraisal.appraise.bind(appraisal);
  const outcome = await attempt(() => openWorkloadSession(address, { identity, appraise, timeoutMs }));
  try {
    saveEvidence(request.evidenceFile, appraisal.evidence);
    const verdict = decide(outcome, appraisal.verdict);
    printVerdict(stdout, verdict, request.output);
    writeToken(stdout, verdict, { request, nonce: appraisal.nonce, policy: policy.policy });
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

function writeToken(
  stdout: Output,
  verdict: Verdict,
  { request, ...content }: { readonly request: AttestRequest } & Omit<TokenContent, "now">,
): void {
  const { token: wanted, tokenFile, output, state } = request;
  if (wanted === undefined) return;
  const token = `${issueToken(verdict, wanted, { ...content, now: new Date(), state })}\n`;
  if (tokenFile !== undefined) writeWhole(tokenFile, token);
  if (output === "ear") stdout.write(token);
}

async function readSessionPolicy(request: AttestRequest): Promise<SessionPolicy> {
  const { state, address, trust, allow, collateral, policyFile } = request;
  const trustAnchors = readTrustAnchors(trust);
  const { bundle, resolve } = await openCollateral(collateral, { state, trustAnchors, now: () => new Date() });
  using store = openStore(state);
  const recorded = store.listReferences(address.workload).map(toReferenceValue);
  const policy = policyFile === undefined ? DEFAULT_POLICY : readPolicy(policyFile);
  return {
    trustAnchors,
    policy: {
      ...policy,
      referenceValues: [...policy.referenceValues, ...recorded],
      allow: [...new Set([...policy.allow, ...allow])],
    },
    ...(bundle === undefined ? {} : { collateral: bundle }),
    ...(resolve === undefined ? {} : { resolve }),
  };
}

function toReferenceValue({ mrEnclave, mrSigner, isvProdId, minIsvSvn, source, addedAt }: ReferenceRecord) {
  return {
    mrEnclave,
    source: `${source ?? "shelter reference add"} (recorded ${addedAt.toISOString()})`,
    ...(mrSigner === undefined ? {} : { mrSigner }),
    ...(isvProdId === undefined ? {} : { isvProdId }),
    ...(minIsvSvn === undefined ? {} : { minIsvSvn }),
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
