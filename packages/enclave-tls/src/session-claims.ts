import { createHash, timingSafeEqual } from "node:crypto";
import { type Claims, decodeClaims, encodeClaims, type Evidence } from "@inclavare/attestation";
import { type ErrorCode, InclavareError } from "@inclavare/errors";
import { assertBound } from "./binding.ts";
import type { Role } from "./handshake.ts";

/** One end of a connection, by what it showed in the handshake. */
export interface Leaf {
  readonly certificateDer: Uint8Array;
  readonly spkiSha256: Uint8Array;
}

/** What both ends of one connection know, seen from one of them. */
export interface Session {
  /** This side's end. */
  readonly role: Role;
  readonly exporter: Uint8Array;
  readonly own: Leaf;
  readonly peer: Leaf;
}

interface Proof {
  readonly nonce: Uint8Array;
  /** The name that the proof carries, or has to carry; undefined: none, or any. */
  readonly workload: string | undefined;
}

/** The claims of this side's proof of a session; see docs/enclave-tls.md, section 4. */
export function ownSessionClaims(
  session: Session,
  { nonce, workload, container }: Proof & { readonly container: Uint8Array | undefined },
): Uint8Array {
  return encodeClaims({
    ...claimsOf(session, nonce),
    ...(workload === undefined ? {} : { workload }),
    ...(container === undefined ? {} : { container }),
  });
}

/**
 * Checks that claims are those of the peer's proof of this very session, and that the evidence carries their hash.
 * @throws InclavareError ERR_TLS_PROOF, ERR_TLS_PROOF_*
 */
export function checkPeerClaims(
  session: Session,
  { claimsBytes, evidence }: { readonly claimsBytes: Uint8Array; readonly evidence: Evidence },
  proof: Proof,
): Claims {
  const claims = parseClaims(claimsBytes);
  const { role, exporter, own, peer } = session;
  const expected = claimsOf(
    { role: role === "client" ? "server" : "client", exporter, own: peer, peer: own },
    proof.nonce,
  );
  if (claims.purpose !== "session") {
    throw new InclavareError(
      "ERR_TLS_PROOF_PURPOSE",
      `proof was made for ${claims.purpose ?? "nothing"}, expected session`,
    );
  }
  if (claims.role !== expected.role) {
    throw new InclavareError(
      "ERR_TLS_PROOF_ROLE",
      `proof is the ${claims.role ?? "nobody"}'s, expected ${expected.role}'s`,
    );
  }
  assertSame("ERR_TLS_PROOF_NONCE", "nonce", { actual: claims.nonce, expected: proof.nonce });
  assertSame("ERR_TLS_PROOF_CHANNEL", "exporter", { actual: claims.exporter, expected: exporter });
  assertSame("ERR_TLS_PROOF_LEAF", "own-leaf", { actual: claims.ownLeaf, expected: expected.ownLeaf });
  assertSame("ERR_TLS_PROOF_LEAF", "peer-leaf", { actual: claims.peerLeaf, expected: expected.peerLeaf });
  assertSamePublicKey(claims, expected);
  if (proof.workload !== undefined && claims.workload !== proof.workload) {
    const name = claims.workload === undefined ? "no workload" : `"${claims.workload}"`;
    throw new InclavareError("ERR_TLS_PROOF_WORKLOAD", `proof is of ${name}, expected "${proof.workload}"`);
  }
  assertOnlyOurs(claims);
  assertBound(evidence, claimsBytes, "session proof");
  return claims;
}

type SessionClaims = Required<
  Pick<Claims, "pubkeyHash" | "purpose" | "role" | "nonce" | "exporter" | "ownLeaf" | "peerLeaf">
>;

function claimsOf({ role, exporter, own, peer }: Session, nonce: Uint8Array): SessionClaims {
  return {
    pubkeyHash: { algorithm: "sha-256", value: own.spkiSha256 },
    purpose: "session",
    role,
    nonce,
    exporter,
    ownLeaf: sha256(own.certificateDer),
    peerLeaf: sha256(peer.certificateDer),
  };
}

function parseClaims(bytes: Uint8Array): Claims {
  try {
    return decodeClaims(bytes);
  } catch (error) {
    throw new InclavareError("ERR_TLS_PROOF", "claims of the proof cannot be decoded", { cause: error });
  }
}

function assertSame(
  code: ErrorCode,
  claim: string,
  { actual, expected }: { readonly actual: Uint8Array | undefined; readonly expected: Uint8Array },
): void {
  const isSame = actual !== undefined && actual.length === expected.length && timingSafeEqual(actual, expected);
  if (!isSame) throw new InclavareError(code, `claim ${claim} of the proof is not that of this connection`);
}

function assertSamePublicKey({ pubkeyHash }: Claims, expected: SessionClaims): void {
  if (pubkeyHash.algorithm !== "sha-256") {
    throw new InclavareError("ERR_TLS_PROOF", `pubkey-hash of the proof is ${pubkeyHash.algorithm}, expected sha-256`);
  }
  assertSame("ERR_TLS_PROOF_KEY", "pubkey-hash", { actual: pubkeyHash.value, expected: expected.pubkeyHash.value });
}

/** A session's proof says what this page knows, and nothing that a later reader might take for more. */
function assertOnlyOurs({ application, others }: Claims): void {
  const [other] = others?.keys() ?? [];
  const surplus = application === undefined ? other : "application";
  if (surplus !== undefined) throw new InclavareError("ERR_TLS_PROOF", `proof has the surplus claim ${surplus}`);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
