import { randomBytes } from "node:crypto";
import {
  type Claims,
  decisiveCheck,
  decodeEvidenceMessage,
  encodeEvidenceMessage,
  type Evidence,
  reportDataFor,
  type Verdict,
} from "@inclavare/attestation";
import { InclavareError, toInclavareError } from "@inclavare/errors";
import type { FrameChannel } from "./channel.ts";
import { NONCE_BYTES } from "./frame.ts";
import type { Identity } from "./identity.ts";
import type { EvidencePolicy, PeerPolicy } from "./policy.ts";
import { checkPeerClaims, ownSessionClaims, type Session } from "./session-claims.ts";

/** What the exchange established about the peer; empty where no evidence was demanded. */
export interface PeerProof {
  readonly verdict?: Verdict;
  readonly claims?: Claims;
  readonly workload?: string;
}

interface Parties {
  readonly session: Session;
  readonly identity: Identity;
  readonly policy: PeerPolicy;
}

/**
 * The proof exchange: challenge, evidence, accept, in this order and in both directions at once. Returns only when both
 * sides have accepted; every other end is an error, and the caller destroys the connection.
 */
export async function exchangeProofs(channel: FrameChannel, parties: Parties): Promise<PeerProof> {
  const { session, identity, policy } = parties;
  const nonce = policy.evidence === "required" ? new Uint8Array(randomBytes(NONCE_BYTES)) : new Uint8Array(0);
  channel.write("challenge", nonce);
  const challenge = await channel.read("challenge");
  if (challenge.length > 0) channel.write("evidence", await prove(session, identity, challenge));
  const proof =
    policy.evidence === "required"
      ? await judge(await channel.read("evidence"), { session, policy, nonce })
      : authorize(policy.authorize, session);
  // The peer cannot have this side's accept yet: all it can have sent by now is its own verdict.
  const early = channel.pendingBytes > 0;
  if (early) await channel.read("accept");
  if (channel.pendingBytes > 0) throw new InclavareError("ERR_TLS_PROTOCOL", "peer sent data before both had accepted");
  channel.write("accept");
  if (!early) await channel.read("accept");
  return proof;
}

/** The evidence message over this session's claims, or nothing where this side has no attester; the peer decides. */
async function prove(session: Session, { attester, workload }: Identity, nonce: Uint8Array): Promise<Uint8Array> {
  if (attester === undefined) return new Uint8Array(0);
  const claims = ownSessionClaims(session, { nonce, workload });
  try {
    return encodeEvidenceMessage({ evidence: await attester.evidence(reportDataFor(claims)), claims });
  } catch (error) {
    const { code } = toInclavareError(error);
    throw new InclavareError("ERR_TLS_ATTESTER", `own evidence could not be made (${code})`, { cause: error });
  }
}

async function judge(
  message: Uint8Array,
  {
    session,
    policy,
    nonce,
  }: { readonly session: Session; readonly policy: EvidencePolicy; readonly nonce: Uint8Array },
): Promise<PeerProof> {
  if (message.length === 0)
    throw new InclavareError("ERR_TLS_EVIDENCE_MISSING", "peer has no evidence, which is required");
  const { evidence, claimsBytes } = parseProof(message);
  const { workload } = policy;
  const claims = checkPeerClaims(session, { claimsBytes, quote: evidence.quote }, { nonce, workload });
  const verdict = await policy.appraise(evidence, claims, claimsBytes, message);
  const isSufficient =
    verdict.verdict === "accepted" || (verdict.verdict === "verified" && policy.sufficient === "verified");
  if (!isSufficient) throw notAccepted(verdict);
  return { verdict, claims, ...(claims.workload === undefined ? {} : { workload: claims.workload }) };
}

function parseProof(message: Uint8Array): { evidence: Evidence; claimsBytes: Uint8Array } {
  try {
    const { evidence, claims } = decodeEvidenceMessage(message);
    if (claims !== undefined) return { evidence, claimsBytes: claims };
  } catch (error) {
    throw new InclavareError("ERR_TLS_PROOF", "peer's proof is not an evidence message", { cause: error });
  }
  throw new InclavareError("ERR_TLS_PROOF", "peer's proof has no claims");
}

/** The peer learns which check decided, not what was expected: reference values are this side's own business. */
function notAccepted({ verdict, checks }: Verdict): InclavareError {
  const decisive = decisiveCheck(checks);
  const check = decisive?.check ?? "none";
  const code = decisive?.code ?? "none";
  const message = `peer's evidence is ${verdict}, not accepted: ${check} (${code})`;
  return new InclavareError("ERR_TLS_APPRAISAL", message, { details: { verdict, check, code } });
}

function authorize(isLetIn: (spkiSha256: Uint8Array) => boolean, session: Session): PeerProof {
  // Only true itself: what a caller without types returns may be anything.
  const answer: unknown = isLetIn(session.peer.spkiSha256);
  if (answer === true) return {};
  const key = Buffer.from(session.peer.spkiSha256).toString("hex");
  throw new InclavareError("ERR_TLS_NOT_AUTHORIZED", `key ${key} is not let in here`);
}
