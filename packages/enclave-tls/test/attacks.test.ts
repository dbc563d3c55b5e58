import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { Claims } from "@inclavare/attestation";
import { encodeFrame } from "../src/frame.ts";
import type { Role } from "../src/handshake.ts";
import {
  acceptEnclaveTls,
  connectEnclaveTls,
  createIdentity,
  type EnclaveTlsSocket,
  type Identity,
} from "../src/index.ts";
import { evidenceOver, honestClaims, type HostilePeer, hostilePeer } from "./hostile.ts";
import { ANYBODY, memoryPair, tcpPair, TIMEOUT_MS } from "./pairs.ts";
import { acceptOnly, type SimulatedPlatform, startPlatform } from "./simulated.ts";

const NOTHING = new Uint8Array(0);

let platform: SimulatedPlatform;
let attester: ReturnType<SimulatedPlatform["launch"]>;
/** A key of the attacker's with a genuine certificate; and its attester, which signs whatever claims it is given. */
let hostile: Identity;
let victim: Identity;
let policy: ReturnType<typeof acceptOnly>;

before(async () => {
  platform = await startPlatform();
  attester = platform.launch("workload");
  hostile = await createIdentity({ attester, workload: "payroll", now: new Date() });
  victim = await createIdentity({ attester, workload: "payroll", now: new Date() });
  policy = { ...acceptOnly(platform.trustAnchors, attester.mrEnclave), workload: "payroll" };
});

after(() => platform[Symbol.dispose]());

interface Scene extends Disposable {
  readonly peer: HostilePeer;
  readonly outcome: Promise<EnclaveTlsSocket>;
}

/** One honest side that demands evidence, one hostile side with the handshake behind it. */
async function meet(
  hostileRole: Role,
  options: { readonly peer?: typeof policy | typeof ANYBODY } = {},
): Promise<Scene> {
  const pair = await tcpPair();
  const honest = { identity: victim, peer: options.peer ?? policy, timeoutMs: TIMEOUT_MS };
  const outcome =
    hostileRole === "client" ? acceptEnclaveTls(pair.server, honest) : connectEnclaveTls(pair.client, honest);
  outcome.catch(() => {});
  const peer = await hostilePeer(hostileRole === "client" ? pair.client : pair.server, hostileRole, hostile);
  return {
    peer,
    outcome,
    [Symbol.dispose]: () => {
      peer[Symbol.dispose]();
      pair.client.destroy();
      pair.server.destroy();
    },
  };
}

/** Plays the protocol up to the proof, and sends the given one. */
async function present(scene: Scene, proof: (nonce: Uint8Array) => Promise<Uint8Array> | Uint8Array): Promise<void> {
  const { channel } = scene.peer;
  channel.write("challenge", NOTHING);
  channel.write("evidence", await proof(await channel.read("challenge")));
}

/** The honest side refuses with the code, and tells the hostile side the same. */
async function expectRefusal(scene: Scene, code: string): Promise<void> {
  await assert.rejects(scene.peer.channel.read("accept"), (error: { code: string; details: { code: string } }) => {
    assert.equal(error.code, "ERR_TLS_REFUSED_BY_PEER");
    assert.equal(error.details.code, code);
    return true;
  });
  scene.peer[Symbol.dispose]();
  await assert.rejects(scene.outcome, { code });
}

/** What the honest side still said: its challenge may have come through, or not; a refusal would be another error. */
async function readToTheEnd({ channel }: HostilePeer): Promise<void> {
  await channel.read("challenge");
  await channel.read("accept");
}

const otherBytes = (): Uint8Array => new Uint8Array(randomBytes(32));

/** The claims but for one. */
function without(name: keyof Claims): (claims: Claims) => Claims {
  return (claims) => {
    const { [name]: _left, ...rest } = claims;
    return rest as Claims;
  };
}

const BENT: readonly (readonly [string, string, (claims: Claims, role: Role) => Claims])[] = [
  ["made for a certificate", "ERR_TLS_PROOF_PURPOSE", (claims) => ({ ...claims, purpose: "certificate" })],
  ["made for a caller's nonce", "ERR_TLS_PROOF_PURPOSE", (claims) => ({ ...claims, purpose: "nonce" })],
  ["made for an application", "ERR_TLS_PROOF_PURPOSE", (claims) => ({ ...claims, purpose: "application" })],
  ["without a purpose", "ERR_TLS_PROOF_PURPOSE", without("purpose")],
  [
    "of the other role (reflection)",
    "ERR_TLS_PROOF_ROLE",
    (claims, role) => ({ ...claims, role: role === "client" ? "server" : "client" }),
  ],
  ["without a role", "ERR_TLS_PROOF_ROLE", without("role")],
  ["for an old nonce (replay)", "ERR_TLS_PROOF_NONCE", (claims) => ({ ...claims, nonce: otherBytes() })],
  [
    "for a shortened nonce",
    "ERR_TLS_PROOF_NONCE",
    (claims) => ({ ...claims, nonce: claims.nonce?.subarray(0, 16) ?? otherBytes() }),
  ],
  ["without a nonce", "ERR_TLS_PROOF_NONCE", without("nonce")],
  ["for another channel (relay)", "ERR_TLS_PROOF_CHANNEL", (claims) => ({ ...claims, exporter: otherBytes() })],
  ["without the exporter", "ERR_TLS_PROOF_CHANNEL", without("exporter")],
  ["for another own certificate", "ERR_TLS_PROOF_LEAF", (claims) => ({ ...claims, ownLeaf: otherBytes() })],
  ["for another peer's certificate", "ERR_TLS_PROOF_LEAF", (claims) => ({ ...claims, peerLeaf: otherBytes() })],
  ["without a peer's certificate", "ERR_TLS_PROOF_LEAF", without("peerLeaf")],
  [
    "for another key",
    "ERR_TLS_PROOF_KEY",
    (claims) => ({ ...claims, pubkeyHash: { algorithm: "sha-256", value: otherBytes() } }),
  ],
  ["of another workload (diversion)", "ERR_TLS_PROOF_WORKLOAD", (claims) => ({ ...claims, workload: "payroll-2" })],
  ["of no workload", "ERR_TLS_PROOF_WORKLOAD", without("workload")],
  [
    "with a claim that nobody knows",
    "ERR_TLS_PROOF",
    (claims) => ({ ...claims, others: new Map([["x", otherBytes()]]) }),
  ],
  ["with an application's claim", "ERR_TLS_PROOF", (claims) => ({ ...claims, application: otherBytes() })],
];

for (const role of ["server", "client"] as const) {
  describe(`a hostile ${role} is refused with a proof`, () => {
    for (const [what, code, bend] of BENT) {
      it(`${what}: ${code}`, async () => {
        using scene = await meet(role);
        await present(scene, (nonce) => evidenceOver(attester, bend(honestClaims(scene.peer, hostile, nonce), role)));
        await expectRefusal(scene, code);
      });
    }

    it("that would do, if only the measurement were the right one: ERR_TLS_APPRAISAL", async () => {
      using scene = await meet(role);
      const other = platform.launch("malware");
      await present(scene, (nonce) => evidenceOver(other, honestClaims(scene.peer, hostile, nonce)));
      await expectRefusal(scene, "ERR_TLS_APPRAISAL");
    });

    it("whose claims the quote does not carry: ERR_TLS_PROOF_UNBOUND", async () => {
      using scene = await meet(role);
      await present(scene, async (nonce) => {
        const { encodeClaims, encodeEvidenceMessage, reportDataFor } = await import("@inclavare/attestation");
        const claims = encodeClaims(honestClaims(scene.peer, hostile, nonce));
        const evidence = await attester.evidence(reportDataFor(otherBytes()));
        return encodeEvidenceMessage({ evidence, claims });
      });
      await expectRefusal(scene, "ERR_TLS_PROOF_UNBOUND");
    });

    it("that is empty: ERR_TLS_EVIDENCE_MISSING", async () => {
      using scene = await meet(role);
      await present(scene, () => NOTHING);
      await expectRefusal(scene, "ERR_TLS_EVIDENCE_MISSING");
    });

    it("that is no evidence message: ERR_TLS_PROOF", async () => {
      using scene = await meet(role);
      await present(scene, () => otherBytes());
      await expectRefusal(scene, "ERR_TLS_PROOF");
    });

    it("and is let in with an honest one", async () => {
      using scene = await meet(role);
      await present(scene, (nonce) => evidenceOver(attester, honestClaims(scene.peer, hostile, nonce)));
      scene.peer.channel.write("accept");
      await scene.peer.channel.read("accept");
      (await scene.outcome).destroy();
    });
  });

  describe(`a hostile ${role} breaks the order: ERR_TLS_PROTOCOL, without a word`, () => {
    const frames: readonly (readonly [string, () => Uint8Array])[] = [
      ["accept first", () => encodeFrame("accept")],
      ["evidence first", () => encodeFrame("evidence", otherBytes())],
      ["an unknown frame", () => Uint8Array.of(9, 0, 0, 0, 0)],
      ["a challenge of 16 bytes", () => Uint8Array.of(1, 0, 0, 0, 16)],
      ["HTTP first", () => Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ];
    for (const [what, bytes] of frames) {
      it(`with ${what}`, async () => {
        using scene = await meet(role);
        scene.peer.handshake.tls.write(bytes());
        await assert.rejects(scene.outcome, { code: "ERR_TLS_PROTOCOL" });
        await assert.rejects(readToTheEnd(scene.peer), { code: "ERR_TLS_CLOSED" });
      });
    }

    it("with a second challenge in place of the evidence", async () => {
      using scene = await meet(role);
      scene.peer.channel.write("challenge", NOTHING);
      scene.peer.channel.write("challenge", NOTHING);
      await assert.rejects(scene.outcome, { code: "ERR_TLS_PROTOCOL" });
    });

    it("with evidence that nobody asked for", async () => {
      using scene = await meet(role, { peer: ANYBODY });
      scene.peer.channel.write("challenge", NOTHING);
      scene.peer.channel.write("evidence", otherBytes());
      await assert.rejects(scene.outcome, { code: "ERR_TLS_PROTOCOL" });
    });

    it("with evidence of 2 MiB", async () => {
      using scene = await meet(role);
      scene.peer.channel.write("challenge", NOTHING);
      scene.peer.handshake.tls.write(Uint8Array.of(2, 0, 0x20, 0, 0));
      await assert.rejects(scene.outcome, { code: "ERR_TLS_PROTOCOL" });
    });

    it("with application data before the verdict", async () => {
      using scene = await meet(role);
      const { channel, handshake } = scene.peer;
      channel.write("challenge", NOTHING);
      const nonce = await channel.read("challenge");
      const proof = encodeFrame("evidence", await evidenceOver(attester, honestClaims(scene.peer, hostile, nonce)));
      handshake.tls.write(Buffer.concat([proof, encodeFrame("accept"), Buffer.from("early")]));
      await assert.rejects(scene.outcome, { code: "ERR_TLS_PROTOCOL" });
    });

    it("and hanging up is ERR_TLS_CLOSED", async () => {
      using scene = await meet(role);
      scene.peer.channel.write("challenge", NOTHING);
      scene.peer.handshake.tls.end();
      await assert.rejects(scene.outcome, { code: "ERR_TLS_CLOSED" });
    });
  });
}

describe("a man in the middle", () => {
  it("who relays a genuine proof between two connections is refused with ERR_TLS_PROOF_CHANNEL", async () => {
    // The genuine enclave answers the attacker's connection; the attacker offers the answer to the victim, whose nonce
    // it has passed on.
    using scene = await meet("server");
    const genuine = memoryPair();
    const served = acceptEnclaveTls(genuine.server, { identity: victim, peer: ANYBODY, timeoutMs: TIMEOUT_MS });
    served.catch(() => {});
    using inner = await hostilePeer(genuine.client, "client", hostile);
    await present(scene, async (nonce) => {
      inner.channel.write("challenge", nonce);
      await inner.channel.read("challenge");
      return await inner.channel.read("evidence");
    });
    await expectRefusal(scene, "ERR_TLS_PROOF_CHANNEL");
  });

  it("who sends a side's own proof back to it is refused with ERR_TLS_PROOF_ROLE", async () => {
    using scene = await meet("server");
    const { channel } = scene.peer;
    const nonce = await channel.read("challenge");
    channel.write("challenge", nonce);
    channel.write("evidence", await channel.read("evidence"));
    await expectRefusal(scene, "ERR_TLS_PROOF_ROLE");
  });

  it("who holds this side's own key is refused with ERR_TLS_OWN_KEY", async () => {
    const pair = memoryPair();
    const outcome = connectEnclaveTls(pair.client, { identity: victim, peer: policy, timeoutMs: TIMEOUT_MS });
    outcome.catch(() => {});
    using _peer = await hostilePeer(pair.server, "server", victim);
    await assert.rejects(outcome, { code: "ERR_TLS_OWN_KEY" });
  });
});
