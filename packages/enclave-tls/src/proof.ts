import {
  type Claims,
  decisiveCheck,
  decodeEvidenceMessage,
  encodeEvidenceMessage,
  type Evidence,
  type Verdict,
} from "@inclavare/attestation";
import { InclavareError, toInclavareError } from "@inclavare/errors";
import type { Identity } from "./identity.ts";
import { dropVerdict, findVerdict, keepVerdict } from "./kept-verdicts.ts";
import { evidenceOver } from "./own-evidence.ts";
import type { CertificatePolicy, EvidencePolicy, KeyPolicy } from "./policy.ts";
import { checkPeerClaims, ownSessionClaims, type Session } from "./session-claims.ts";

/** What was established about the peer; empty where no evidence was demanded. */
export interface PeerProof {
  readonly verdict?: Verdict;
  readonly claims?: Claims;
  readonly workload?: string;
}

/** A proof that came in, and the challenge that it has to answer. */
export interface Answer {
  readonly message: Uint8Array;
  readonly nonce: Uint8Array;
}

/** The evidence message over this session's claims, or nothing where this side has no attester; the peer decides. */
export async function makeProof(
  session: Session,
  { attester, workload, container }: Pick<Identity, "attester" | "workload" | "container">,
  nonce: Uint8Array,
): Promise<Uint8Array> {
  if (attester === undefined) return new Uint8Array(0);
  const claims = ownSessionClaims(session, { nonce, workload, container });
  try {
    return encodeEvidenceMessage({ evidence: await evidenceOver(attester, claims), claims });
  } catch (error) {
    const { code } = toInclavareError(error);
    throw new InclavareError("ERR_TLS_ATTESTER", `own evidence could not be made (${code})`, { cause: error });
  }
}

/**
 * Whether a proof is the peer's, of this session, for this challenge, and good under the policy.
 * @throws InclavareError ERR_TLS_EVIDENCE_MISSING, ERR_TLS_PROOF, ERR_TLS_PROOF_*, ERR_TLS_APPRAISAL
 */
export async function judgeProof(
  session: Session,
  policy: EvidencePolicy,
  { message, nonce }: Answer,
): Promise<PeerProof> {
  if (message.length === 0) {
    throw new InclavareError("ERR_TLS_EVIDENCE_MISSING", "peer has no evidence, which is required");
  }
  const { evidence, claimsBytes } = parseProof(message);
  const claims = checkPeerClaims(session, { claimsBytes, evidence }, { nonce, workload: policy.workload });
  const verdict = await policy.appraise(evidence, claims, claimsBytes, message);
  assertSufficient(verdict, policy.sufficient);
  return { verdict, claims, ...(claims.workload === undefined ? {} : { workload: claims.workload }) };
}

/**
 * Judges the evidence in the peer's certificate, in place of a proof.
 * @param mayBeKept whether a verdict that the policy keeps will do.
 * @throws InclavareError ERR_TLS_APPRAISAL
 */
export async function judgeCertificate(
  { peer }: Pick<Session, "peer">,
  policy: CertificatePolicy,
  { now, mayBeKept }: { readonly now: Date; readonly mayBeKept: boolean },
): Promise<PeerProof> {
  // What a caller without types left out is not allowed by it.
  if ((policy.allow as unknown) !== "no-nonce") {
    throw new InclavareError(
      "ERR_TLS_APPRAISAL",
      "a certificate alone is no fresh proof: it suffices only where no-nonce is allowed",
    );
  }
  const { certificateDer } = peer;
  const kept = mayBeKept ? findVerdict(policy, certificateDer, now) : undefined;
  if (kept !== undefined) return { verdict: kept };
  dropVerdict(policy, certificateDer);
  const verdict = await policy.appraiseCertificate(certificateDer);
  assertSufficient(verdict, policy.sufficient);
  keepVerdict(policy, certificateDer, { verdict, at: now });
  return { verdict };
}

/** @throws InclavareError ERR_TLS_NOT_AUTHORIZED */
export function authorizeKey({ peer }: Pick<Session, "peer">, policy: KeyPolicy): PeerProof {
  // Only true itself: what a caller without types returns may be anything.
  const answer: unknown = policy.authorize(peer.spkiSha256);
  if (answer === true) return {};
  const key = Buffer.from(peer.spkiSha256).toString("hex");
  throw new InclavareError("ERR_TLS_NOT_AUTHORIZED", `key ${key} is not let in here`);
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
function assertSufficient({ verdict, checks }: Verdict, sufficient: "accepted" | "verified" = "accepted"): void {
  if (verdict === "accepted" || (verdict === "verified" && sufficient === "verified")) return;
  const decisive = decisiveCheck(checks);
  const check = decisive?.check ?? "none";
  const code = decisive?.code ?? "none";
  const message = `peer's evidence is ${verdict}, not accepted: ${check} (${code})`;
  throw new InclavareError("ERR_TLS_APPRAISAL", message, { details: { verdict, check, code } });
}
