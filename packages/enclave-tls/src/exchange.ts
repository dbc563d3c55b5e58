import { randomBytes } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import type { FrameChannel } from "./channel.ts";
import { NONCE_BYTES } from "./frame.ts";
import type { Identity } from "./identity.ts";
import type { PeerPolicy } from "./policy.ts";
import { type Answer, authorizeKey, judgeCertificate, judgeProof, makeProof, type PeerProof } from "./proof.ts";
import type { Session } from "./session-claims.ts";

export interface Parties {
  readonly session: Session;
  readonly identity: Identity;
  readonly policy: PeerPolicy;
  readonly now: () => Date;
}

/** What the exchange established; the answer is kept, so that it can be judged again while the connection is open. */
export interface ExchangeOutcome {
  readonly proof: PeerProof;
  readonly answer?: Answer;
}

const NO_NONCE = new Uint8Array(0);

/**
 * The proof exchange: challenge, evidence, accept, in this order and in both directions at once. Returns only when both
 * sides have accepted; every other end is an error, and the caller destroys the connection.
 */
export async function exchangeProofs(channel: FrameChannel, parties: Parties): Promise<ExchangeOutcome> {
  const { session, identity, policy } = parties;
  const nonce = policy.evidence === "required" ? newNonce() : NO_NONCE;
  channel.write("challenge", nonce);
  const challenge = await channel.read("challenge");
  if (challenge.length > 0) channel.write("evidence", await makeProof(session, identity, challenge));
  const answer = policy.evidence === "required" ? { message: await channel.read("evidence"), nonce } : undefined;
  const proof = await judge(parties, answer, { mayBeKept: true });
  // The peer cannot have this side's accept yet: all it can have sent by now is its own verdict.
  const early = channel.pendingBytes > 0;
  if (early) await channel.read("accept");
  if (channel.pendingBytes > 0) throw new InclavareError("ERR_TLS_PROTOCOL", "peer sent data before both had accepted");
  channel.write("accept");
  if (!early) await channel.read("accept");
  return { proof, ...(answer === undefined ? {} : { answer }) };
}

/** The nonce of one challenge. */
export function newNonce(): Uint8Array {
  return new Uint8Array(randomBytes(NONCE_BYTES));
}

/**
 * The peer under the policy: by its answer, its certificate or its key. A policy of no known kind lets nobody in.
 * @param mayBeKept whether an earlier verdict on the same certificate will do, where the policy keeps them.
 */
export async function judge(
  { session, policy, now }: Parties,
  answer: Answer | undefined,
  { mayBeKept }: { readonly mayBeKept: boolean },
): Promise<PeerProof> {
  if (policy.evidence === "required" && answer !== undefined) return await judgeProof(session, policy, answer);
  if (policy.evidence === "certificate") return await judgeCertificate(session, policy, { now: now(), mayBeKept });
  if (policy.evidence === "none") return authorizeKey(session, policy);
  throw new InclavareError("ERR_TLS_NOT_AUTHORIZED", "there is no policy for the peer");
}
