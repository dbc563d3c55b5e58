/** A peer that does what it likes: real TLS, real frames, and claims of its own choice over real evidence. */
import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { type Attester, type Claims, encodeClaims, encodeEvidenceMessage, reportDataFor } from "@inclavare/attestation";
import { FrameChannel } from "../src/channel.ts";
import { type Handshake, type Role, runHandshake } from "../src/handshake.ts";
import type { Identity } from "../src/identity.ts";

export interface HostilePeer extends Disposable {
  readonly handshake: Handshake;
  readonly channel: FrameChannel;
}

/** Runs the handshake as an honest peer does, and then hands over the wheel. */
export async function hostilePeer(transport: Duplex, role: Role, identity: Identity): Promise<HostilePeer> {
  const handshake = await runHandshake(transport, role, identity.handshakeContext, new AbortController().signal);
  return {
    handshake,
    channel: new FrameChannel(handshake.tls),
    [Symbol.dispose]: () => {
      handshake.tls.destroy();
      transport.destroy();
    },
  };
}

/** The claims that an honest peer would make on this connection, to be bent. */
export function honestClaims({ handshake }: HostilePeer, identity: Identity, nonce: Uint8Array): Claims {
  return {
    pubkeyHash: { algorithm: "sha-256", value: identity.spkiSha256 },
    purpose: "session",
    role: handshake.role,
    nonce,
    exporter: handshake.exporter,
    ownLeaf: sha256(identity.certificateDer),
    peerLeaf: sha256(handshake.peerCertificate ?? new Uint8Array(0)),
    ...(identity.workload === undefined ? {} : { workload: identity.workload }),
  };
}

/** Genuine evidence over any claims: what an attacker gets who can make an enclave sign what it likes. */
export async function evidenceOver(attester: Attester, claims: Claims): Promise<Uint8Array> {
  const claimsBytes = encodeClaims(claims);
  const evidence = await attester.evidence(reportDataFor(claimsBytes));
  return encodeEvidenceMessage({ evidence, claims: claimsBytes });
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
