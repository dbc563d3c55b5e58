/** What happens on a connection after both sides have accepted: data, ends, further proofs, revocation. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, beforeEach, describe, it } from "node:test";
import type { Claims, Verdict } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import { encodeFrame } from "../src/frame.ts";
import {
  acceptEnclaveTls,
  type CertificatePolicy,
  connectEnclaveTls,
  createIdentity,
  type EnclaveTlsOptions,
  type EnclaveTlsSocket,
  type EvidencePolicy,
  type Identity,
  Sessions,
} from "../src/index.ts";
import { evidenceOver, honestClaims, type HostilePeer, hostilePeer } from "./hostile.ts";
import { ANYBODY, closedBoth, tcpPair, TIMEOUT_MS, type TransportPair } from "./pairs.ts";
import { acceptOnly, type SimulatedPlatform, startPlatform } from "./simulated.ts";

let platform: SimulatedPlatform;
let attester: ReturnType<SimulatedPlatform["launch"]>;
let workload: Identity;
let operator: Identity;
let policy: ReturnType<typeof acceptOnly>;

before(async () => {
  platform = await startPlatform();
  attester = platform.launch("workload");
  workload = await createIdentity({ attester, workload: "payroll", now: new Date() });
  operator = await createIdentity({ now: new Date() });
  policy = acceptOnly(platform.trustAnchors, attester.mrEnclave);
});

after(() => platform[Symbol.dispose]());

interface Opened {
  readonly server: EnclaveTlsSocket;
  readonly client: EnclaveTlsSocket;
  readonly pair: TransportPair;
}

/** A workload that serves, and an operator that demands its evidence. */
async function open(client: Partial<EnclaveTlsOptions> = {}, identity = workload): Promise<Opened> {
  const pair = await tcpPair();
  const common = { timeoutMs: TIMEOUT_MS };
  const [server, connected] = await Promise.all([
    acceptEnclaveTls(pair.server, { identity, peer: ANYBODY, ...common }),
    connectEnclaveTls(pair.client, { identity: operator, peer: policy, ...common, ...client }),
  ]);
  return { server, client: connected, pair };
}

/** The same operator, with a workload's end that does what it likes once it is let in. */
async function openHostile(
  client: Partial<EnclaveTlsOptions> = {},
): Promise<{ readonly peer: HostilePeer; readonly client: EnclaveTlsSocket }> {
  const pair = await tcpPair();
  const connected = connectEnclaveTls(pair.client, {
    identity: operator,
    peer: policy,
    timeoutMs: TIMEOUT_MS,
    ...client,
  });
  const peer = await hostilePeer(pair.server, "server", workload);
  const { channel } = peer;
  channel.write("challenge", new Uint8Array(0));
  const nonce = await channel.read("challenge");
  channel.write("evidence", await evidenceOver(attester, honestClaims(peer, workload, nonce)));
  channel.write("accept");
  await channel.read("accept");
  return { peer, client: await connected };
}

async function errorOf(socket: EnclaveTlsSocket): Promise<{ code?: string; details?: { code?: string } }> {
  if (socket.errored !== null) return socket.errored as never;
  const [error] = (await once(socket, "error")) as [{ code?: string }];
  return error;
}

describe("the end of a connection", () => {
  it("is the peer's own word: a stream that the network cuts is ERR_TLS_CLOSED", async () => {
    const { server, client, pair } = await open();
    const received: Buffer[] = [];
    client.on("data", (chunk: Buffer) => received.push(chunk));
    let ended = false;
    client.once("end", () => {
      ended = true;
    });
    server.write("half of the ans");
    await once(client, "data");
    // A proper end of the TCP stream, as a router on the way can make one.
    pair.server.destroy();
    assert.equal((await errorOf(client)).code, "ERR_TLS_CLOSED");
    assert.equal(Buffer.concat(received).toString(), "half of the ans");
    assert.equal(ended, false);
    server.destroy();
  });

  it("is not made by TLS's own farewell either: close_notify without the end frame is a cut", async () => {
    const { peer, client } = await openHostile();
    client.resume();
    peer.handshake.tls.end(encodeFrame("data", Buffer.from("half")));
    assert.equal((await errorOf(client)).code, "ERR_TLS_CLOSED");
    peer[Symbol.dispose]();
  });

  it("comes once: data after it breaks the protocol", async () => {
    const { peer, client } = await openHostile();
    client.resume();
    client.on("end", () => {});
    peer.handshake.tls.write(Buffer.concat([encodeFrame("end"), encodeFrame("data", Buffer.from("late"))]));
    assert.equal((await errorOf(client)).code, "ERR_TLS_PROTOCOL");
    peer[Symbol.dispose]();
  });

  it("leaves what was sent before it to the reader, in both directions", async () => {
    const { server, client } = await open();
    const [up, down] = [randomBytes(700_000), randomBytes(300_000)];
    const all = async (socket: EnclaveTlsSocket): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      await once(socket, "end");
      return Buffer.concat(chunks);
    };
    client.end(up);
    server.end(down);
    const [gotUp, gotDown] = await Promise.all([all(server), all(client)]);
    assert.ok(gotUp.equals(up) && gotDown.equals(down));
    await closedBoth(server, client);
    assert.equal(client.errored, null);
    assert.equal(server.errored, null);
  });
});

describe("frames out of place on an open connection end it with ERR_TLS_PROTOCOL:", () => {
  for (const [what, bytes] of [
    ["an accept", encodeFrame("accept")],
    ["an empty challenge", encodeFrame("challenge")],
    ["evidence that nobody asked for", encodeFrame("evidence", randomBytes(64))],
    ["data of 1 MiB in one frame", Uint8Array.of(5, 0, 0x10, 0, 0)],
    ["evidence of 2 MiB", Uint8Array.of(2, 0, 0x20, 0, 0)],
    ["an unknown frame", Uint8Array.of(7, 0, 0, 0, 0)],
    [
      "a second challenge before the first is answered",
      Buffer.concat([encodeFrame("challenge", randomBytes(32)), encodeFrame("challenge", randomBytes(32))]),
    ],
  ] as const) {
    it(what, async () => {
      const { peer, client } = await openHostile();
      peer.handshake.tls.write(bytes);
      assert.equal((await errorOf(client)).code, "ERR_TLS_PROTOCOL");
      peer[Symbol.dispose]();
    });
  }
});

describe("a further proof on an open connection", () => {
  it("comes by the timer, again and again, each for a nonce of its own, while data flows", async () => {
    const { server, client } = await open({ peer: { ...policy, reattestAfterMs: 30 } });
    server.pipe(server);
    const nonces = new Set([Buffer.from(client.peer.claims?.nonce ?? []).toString("hex")]);
    for (let round = 0; round < 3; round += 1) {
      client.write("ping");
      const [[verdict], [echo]] = await Promise.all([once(client, "reattested"), once(client, "data")]);
      assert.equal((verdict as { verdict: string }).verdict, "accepted");
      assert.equal(String(echo), "ping");
      nonces.add(Buffer.from(client.peer.claims?.nonce ?? []).toString("hex"));
    }
    assert.equal(nonces.size, 4);
    client.destroy();
    await closedBoth(server, client);
  });

  it("goes both ways where both sides have evidence", async () => {
    const other = platform.launch("verifier");
    const identity = await createIdentity({ attester: other, now: new Date() });
    const pair = await tcpPair();
    const [server, client] = await Promise.all([
      acceptEnclaveTls(pair.server, {
        identity: workload,
        peer: acceptOnly(platform.trustAnchors, other.mrEnclave),
        timeoutMs: TIMEOUT_MS,
      }),
      connectEnclaveTls(pair.client, { identity, peer: policy, timeoutMs: TIMEOUT_MS }),
    ]);
    const before = [server.peer.claims?.nonce, client.peer.claims?.nonce];
    await Promise.all([server.reattest(), client.reattest(), client.reattest()]);
    assert.notDeepEqual(server.peer.claims?.nonce, before[0]);
    assert.notDeepEqual(client.peer.claims?.nonce, before[1]);
    assert.equal(server.destroyed || client.destroyed, false);
    client.destroy();
    await closedBoth(server, client);
  });

  const bent: readonly (readonly [string, string, (claims: Claims) => Claims])[] = [
    ["an old nonce (replay)", "ERR_TLS_PROOF_NONCE", (claims) => ({ ...claims, nonce: randomBytes(32) })],
    ["the other role (reflection)", "ERR_TLS_PROOF_ROLE", (claims) => ({ ...claims, role: "client" })],
    ["another channel (relay)", "ERR_TLS_PROOF_CHANNEL", (claims) => ({ ...claims, exporter: randomBytes(32) })],
    ["another certificate", "ERR_TLS_PROOF_LEAF", (claims) => ({ ...claims, ownLeaf: randomBytes(32) })],
    ["another workload", "ERR_TLS_PROOF_WORKLOAD", (claims) => ({ ...claims, workload: "payroll-2" })],
    ["another purpose", "ERR_TLS_PROOF_PURPOSE", (claims) => ({ ...claims, purpose: "nonce" })],
  ];
  for (const [what, code, bend] of bent) {
    it(`with ${what} ends the connection with ${code}, and the peer is told`, async () => {
      const { peer, client } = await openHostile();
      const demanded = client.reattest();
      const nonce = await peer.channel.read("challenge");
      peer.channel.write("evidence", await evidenceOver(attester, bend(honestClaims(peer, workload, nonce))));
      const told = await peer.channel.read("accept").then(
        () => undefined,
        (error: { details: { code: string } }) => error.details.code,
      );
      assert.equal(told, code);
      await demanded;
      assert.equal((client.errored as { code?: string } | null)?.code, code);
      peer[Symbol.dispose]();
    });
  }

  it("of an enclave that is not the right one ends the connection with ERR_TLS_APPRAISAL", async () => {
    const { peer, client } = await openHostile();
    const demanded = client.reattest();
    const nonce = await peer.channel.read("challenge");
    const malware = platform.launch("malware");
    peer.channel.write("evidence", await evidenceOver(malware, honestClaims(peer, workload, nonce)));
    await demanded;
    assert.equal((client.errored as { code?: string } | null)?.code, "ERR_TLS_APPRAISAL");
    peer[Symbol.dispose]();
  });

  it("that does not come in time ends the connection with ERR_DEADLINE", async () => {
    const { peer, client } = await openHostile({ timeoutMs: 700 });
    await client.reattest();
    assert.equal((client.errored as { code?: string } | null)?.code, "ERR_DEADLINE");
    peer[Symbol.dispose]();
  });

  it("is refused once the peer's certificate has expired: ERR_TLS_CERTIFICATE_TIME", async () => {
    let now = new Date();
    const { server, client } = await open({ now: () => now });
    now = new Date(now.getTime() + 15 * 24 * 3600 * 1000);
    await client.reattest();
    assert.equal((client.errored as { code?: string } | null)?.code, "ERR_TLS_CERTIFICATE_TIME");
    await closedBoth(server, client);
  });

  it("still names the certificate of the handshake, where its owner has renewed it in between", async () => {
    const identity = await createIdentity({ attester, workload: "payroll", now: new Date() });
    const { server, client } = await open({}, identity);
    const shown = client.peer.certificateDer;
    await identity.renew(new Date(Date.now() + 8 * 24 * 3600 * 1000));
    assert.notDeepEqual(identity.certificateDer, Uint8Array.from(shown));
    await client.reattest();
    assert.equal(client.destroyed, false);
    client.destroy();
    await closedBoth(server, client);
  });

  it("cannot be made where the attester is gone: both sides end, and learn why", async () => {
    const failing = { ...attester };
    const identity = await createIdentity({ attester: failing, workload: "payroll", now: new Date() });
    const { server, client } = await open({}, identity);
    failing.evidence = () => Promise.reject(new Error("attesterd is gone"));
    await client.reattest();
    const error = await errorOf(client);
    assert.equal(error.details?.code, "ERR_TLS_ATTESTER");
    assert.equal((await errorOf(server)).code, "ERR_TLS_ATTESTER");
  });
});

describe("a verdict that is revoked", () => {
  it("closes what stands on it, and the peer is told", async () => {
    const sessions = new Sessions();
    const { server, client } = await open({ sessions });
    assert.equal(sessions.size, 1);
    assert.equal(
      sessions.revoke("measurement withdrawn", ({ workload: name }) => name === "another"),
      0,
    );
    assert.equal(
      sessions.revoke("measurement withdrawn", ({ workload: name }) => name === "payroll"),
      1,
    );
    assert.equal((await errorOf(client)).code, "ERR_TLS_REVOKED");
    assert.equal((await errorOf(server)).details?.code, "ERR_TLS_REVOKED");
    await closedBoth(server, client);
    assert.equal(sessions.size, 0);
  });

  it("is found by judging the last proofs again: only those that no longer pass are closed", async () => {
    const sessions = new Sessions();
    let isWithdrawn = false;
    const strict = {
      ...policy,
      appraise: async (...args: Parameters<typeof policy.appraise>) => {
        const verdict = await policy.appraise(...args);
        return isWithdrawn ? { ...verdict, verdict: "refused" as const } : verdict;
      },
    };
    const [first, second] = [await open({ sessions, peer: strict }), await open({ sessions })];
    assert.equal(await sessions.reappraise(), 0);
    isWithdrawn = true;
    assert.equal(await sessions.reappraise(), 1);
    assert.equal((first.client.errored as { code?: string } | null)?.code, "ERR_TLS_APPRAISAL");
    assert.equal(second.client.destroyed, false);
    assert.equal(await sessions.reattest(), 0);
    second.client.destroy();
    await closedBoth(first.server, first.client, second.server, second.client);
  });

  it("loses nothing to whoever writes: what is written after it goes nowhere", async () => {
    const { server, client } = await open();
    const received: Buffer[] = [];
    server.on("data", (chunk: Buffer) => received.push(chunk));
    client.revoke(new InclavareError("ERR_TLS_REVOKED", "no longer"));
    const { promise, resolve } = Promise.withResolvers<Error | null | undefined>();
    client.write("secret", resolve);
    assert.notEqual(await promise, null);
    await closedBoth(server, client);
    assert.equal(Buffer.concat(received).length, 0);
  });
});

describe("a verdict on a certificate", () => {
  let now: Date;
  let appraised: number;
  let verdict: Verdict;
  let peer: CertificatePolicy;

  beforeEach(() => {
    now = new Date();
    appraised = 0;
    const validUntil = new Date(now.getTime() + 3600_000).toISOString();
    verdict = { verdict: "accepted", checks: [], validUntil } as unknown as Verdict;
    peer = {
      evidence: "certificate",
      allow: "no-nonce",
      keepVerdictMs: 60_000,
      appraiseCertificate: async () => {
        appraised += 1;
        return verdict;
      },
    };
  });

  async function meet(identity = workload): Promise<Opened> {
    return await open({ peer, now: () => now }, identity);
  }

  async function close({ server, client }: Opened): Promise<void> {
    client.destroy();
    await closedBoth(server, client);
  }

  it("serves the next connections with the same certificate, and no other certificate", async () => {
    await close(await meet());
    await close(await meet());
    assert.equal(appraised, 1);
    await close(await meet(await createIdentity({ attester, workload: "payroll", now: new Date() })));
    assert.equal(appraised, 2);
  });

  it("serves none beyond its time, or the end of what it rests on", async () => {
    const start = now.getTime();
    await close(await meet());
    now = new Date(start + 60_000);
    await close(await meet());
    assert.equal(appraised, 2);
    verdict = { ...verdict, validUntil: new Date(start + 70_000).toISOString() };
    now = new Date(start + 130_000);
    await close(await meet());
    verdict = { ...verdict, validUntil: new Date(start + 140_000).toISOString() };
    now = new Date(start + 200_000);
    await close(await meet());
    now = new Date(start + 200_001);
    await close(await meet());
    assert.equal(appraised, 5);
  });

  it("is not kept where it does not suffice, and forgotten where it no longer does", async () => {
    const opened = await meet();
    verdict = { ...verdict, verdict: "refused" };
    await opened.client.reappraise();
    assert.equal((opened.client.errored as { code?: string } | null)?.code, "ERR_TLS_APPRAISAL");
    await assert.rejects(meet(), { code: /^ERR_TLS_(APPRAISAL|REFUSED_BY_PEER)$/u });
    await assert.rejects(meet(), { code: /^ERR_TLS_(APPRAISAL|REFUSED_BY_PEER)$/u });
    assert.equal(appraised, 4);
  });

  it("is not kept without a word of the policy", async () => {
    const { keepVerdictMs: _left, ...each } = peer;
    peer = each;
    await close(await meet());
    await close(await meet());
    assert.equal(appraised, 2);
  });
});

describe("the end of what a verdict rests on", () => {
  it("is the time for a fresh proof, without any timer of the policy", async () => {
    let isFirst = true;
    const peer: EvidencePolicy = {
      ...policy,
      appraise: async (...args) => {
        const verdict = await policy.appraise(...args);
        const endsInMs = isFirst ? 50 : 3600_000;
        isFirst = false;
        return { ...verdict, validUntil: new Date(Date.now() + endsInMs).toISOString() };
      },
    };
    const { server, client } = await open({ peer });
    client.ref();
    const nonce = client.peer.claims?.nonce;
    await once(client, "reattested");
    assert.notDeepEqual(client.peer.claims?.nonce, nonce);
    client.destroy();
    await closedBoth(server, client);
  });
});
