import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { type Claims, decodeClaims, encodeContainerClaim, reportDataFor } from "@inclavare/attestation";
import {
  acceptEnclaveTls,
  connectEnclaveTls,
  createIdentity,
  type EnclaveTlsSocket,
  type Identity,
  type PeerPolicy,
} from "../src/index.ts";
import {
  ANYBODY,
  closedBoth,
  memoryPair,
  nestedPair,
  tcpPair,
  TIMEOUT_MS,
  type TransportPair,
  unixPair,
} from "./pairs.ts";
import { acceptOnly, type SimulatedPlatform, startPlatform } from "./simulated.ts";

let platform: SimulatedPlatform;
let workload: Identity;
let verifier: Identity;
let operator: Identity;
let expectWorkload: ReturnType<typeof acceptOnly>;
let expectVerifier: ReturnType<typeof acceptOnly>;

before(async () => {
  platform = await startPlatform();
  const [workloadEnclave, verifierEnclave] = [platform.launch("workload"), platform.launch("verifier")];
  const now = new Date();
  workload = await createIdentity({ attester: workloadEnclave, workload: "payroll", now });
  verifier = await createIdentity({ attester: verifierEnclave, now });
  operator = await createIdentity({ now });
  expectWorkload = acceptOnly(platform.trustAnchors, workloadEnclave.mrEnclave);
  expectVerifier = acceptOnly(platform.trustAnchors, verifierEnclave.mrEnclave);
});

after(() => platform[Symbol.dispose]());

interface End {
  readonly identity: Identity;
  readonly peer: PeerPolicy;
}

async function join(pair: TransportPair, server: End, client: End): Promise<[EnclaveTlsSocket, EnclaveTlsSocket]> {
  const [accepted, connected] = await Promise.allSettled([
    acceptEnclaveTls(pair.server, { ...server, timeoutMs: TIMEOUT_MS }),
    connectEnclaveTls(pair.client, { ...client, timeoutMs: TIMEOUT_MS }),
  ]);
  if (accepted.status === "fulfilled" && connected.status === "fulfilled") return [accepted.value, connected.value];
  const reasons = [accepted, connected].map((each) =>
    each.status === "rejected" ? (each.reason as unknown) : undefined,
  );
  assert.equal(pair.server.destroyed, true);
  assert.equal(pair.client.destroyed, true);
  throw new AggregateError(reasons);
}

/** The codes with which both ends ended. */
async function refused(pair: TransportPair, server: End, client: End): Promise<[unknown, unknown]> {
  try {
    await join(pair, server, client);
  } catch (error) {
    assert.ok(error instanceof AggregateError);
    return (error.errors as { code?: string; details?: { code?: string } }[]).map((each) =>
      each?.code === "ERR_TLS_REFUSED_BY_PEER" ? `told ${each.details?.code}` : each?.code,
    ) as [unknown, unknown];
  }
  return assert.fail("nobody refused");
}

/** Not by `for await`, which would destroy the socket at the end of input, before its output has gone. */
async function readAll(socket: EnclaveTlsSocket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

describe("a session with a workload", () => {
  for (const [name, makePair] of [
    ["memory", async () => memoryPair()],
    ["TCP", tcpPair],
    ["a Unix socket", unixPair],
    ["a tunnel in another Enclave-TLS connection", nestedPair],
  ] as const) {
    it(`carries data both ways over ${name}, and closes`, async () => {
      const [server, client] = await join(
        await makePair(),
        { identity: workload, peer: ANYBODY },
        { identity: operator, peer: expectWorkload },
      );
      assert.deepEqual(client.exporter, server.exporter);
      assert.equal(client.exporter.length, 32);
      assert.equal(client.peer.workload, "payroll");
      assert.equal(client.peer.verdict?.verdict, "accepted");
      assert.equal(client.peer.claims?.role, "server");
      assert.deepEqual(client.peer.spkiSha256, workload.spkiSha256);
      assert.deepEqual(server.peer.spkiSha256, operator.spkiSha256);
      assert.equal(server.peer.verdict, undefined);
      const [up, down] = [randomBytes(3 << 20), randomBytes(1 << 20)];
      client.end(up);
      server.end(down);
      const [gotUp, gotDown] = await Promise.all([readAll(server), readAll(client)]);
      assert.ok(gotUp.equals(up) && gotDown.equals(down));
      await closedBoth(server, client);
    });
  }

  it("is mutual where both sides demand evidence", async () => {
    const [server, client] = await join(
      await tcpPair(),
      { identity: workload, peer: expectVerifier },
      { identity: verifier, peer: { ...expectWorkload, workload: "payroll" } },
    );
    assert.equal(server.peer.verdict?.verdict, "accepted");
    assert.equal(server.peer.claims?.role, "client");
    assert.equal(server.peer.workload, undefined);
    assert.equal(client.peer.verdict?.verdict, "accepted");
    client.destroy();
    await closedBoth(server, client);
  });

  it("asks an attester that sees claims for evidence over the claims, which name the container", async () => {
    const [enclave, seen] = [platform.launch("workload"), [] as Claims[]];
    const attester = {
      ...enclave,
      evidence: () => Promise.reject(new Error("not by report data")),
      evidenceOver: async (claims: Uint8Array) => {
        seen.push(decodeClaims(claims));
        return await enclave.evidence(reportDataFor(claims));
      },
    };
    const container = encodeContainerClaim({
      mrEnclave: "11".repeat(32),
      mrSigner: "22".repeat(32),
      isvProdId: 1,
      isvSvn: 1,
      debug: false,
    });
    const identity = await createIdentity({ attester, container, now: new Date() });
    const [, client] = await join(
      memoryPair(),
      { identity, peer: ANYBODY },
      { identity: operator, peer: expectWorkload },
    );
    assert.deepEqual(
      seen.map(({ purpose, container: claim }) => [purpose, Uint8Array.from(claim ?? [])]),
      [
        ["certificate", container],
        ["session", container],
      ],
    );
    client.destroy();
  });

  it("needs a fresh proof each time", async () => {
    const nonces = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const [, client] = await join(
        memoryPair(),
        { identity: workload, peer: ANYBODY },
        { identity: operator, peer: expectWorkload },
      );
      nonces.add(Buffer.from(client.peer.claims?.nonce ?? []).toString("hex"));
      client.destroy();
    }
    assert.equal(nonces.size, 3);
  });

  it("suffices with evidence that is verified only, where the policy says so", async () => {
    const { verifyEvidence } = await import("@inclavare/attestation");
    const peer = {
      evidence: "required",
      appraise: async (_e: unknown, _c: unknown, _b: unknown, bytes: Uint8Array) =>
        verifyEvidence({ bytes, trustAnchors: platform.trustAnchors, now: new Date(), allow: [], evidenceOnly: true }),
    } as const;
    const end = { identity: workload, peer: ANYBODY };
    const [, client] = await join(memoryPair(), end, { identity: operator, peer: { ...peer, sufficient: "verified" } });
    assert.equal(client.peer.verdict?.verdict, "verified");
    client.destroy();
    assert.deepEqual(await refused(memoryPair(), end, { identity: operator, peer }), [
      "told ERR_TLS_APPRAISAL",
      "ERR_TLS_APPRAISAL",
    ]);
  });
});

describe("a session is refused, on both sides,", () => {
  it("when the measurement is another one: ERR_TLS_APPRAISAL", async () => {
    const codes = await refused(
      await tcpPair(),
      { identity: workload, peer: ANYBODY },
      { identity: operator, peer: expectVerifier },
    );
    assert.deepEqual(codes, ["told ERR_TLS_APPRAISAL", "ERR_TLS_APPRAISAL"]);
  });

  it("when a peer has no evidence: ERR_TLS_EVIDENCE_MISSING", async () => {
    const server = { identity: workload, peer: expectVerifier };
    const codes = await refused(await tcpPair(), server, { identity: operator, peer: expectWorkload });
    assert.deepEqual(codes, ["ERR_TLS_EVIDENCE_MISSING", "told ERR_TLS_EVIDENCE_MISSING"]);
  });

  it("when a key is not let in: ERR_TLS_NOT_AUTHORIZED", async () => {
    const peer = { evidence: "none", authorize: () => false } as const;
    const codes = await refused(
      memoryPair(),
      { identity: workload, peer },
      { identity: operator, peer: expectWorkload },
    );
    assert.deepEqual(codes, ["ERR_TLS_NOT_AUTHORIZED", "told ERR_TLS_NOT_AUTHORIZED"]);
  });

  it("when authorize or appraise throw, or say something that is not true", async () => {
    const fault = (): never => {
      throw new Error("fault");
    };
    const server = { identity: workload, peer: ANYBODY };
    for (const peer of [
      { evidence: "none", authorize: fault },
      { evidence: "none", authorize: () => 1 as unknown as boolean },
      { evidence: "required", appraise: fault },
      { evidence: "required", appraise: async () => ({ verdict: "yes", checks: [] }) as never },
      { evidence: "else" } as never,
      {} as never,
    ] satisfies PeerPolicy[]) {
      const [told, code] = await refused(memoryPair(), server, { identity: operator, peer });
      assert.equal(told, `told ${String(code)}`);
    }
  });

  it("when the attester fails: ERR_TLS_ATTESTER", async () => {
    const broken = { ...platform.launch("workload") };
    const identity = await createIdentity({ attester: broken, now: new Date() });
    broken.evidence = () => Promise.reject(new Error("attesterd is gone"));
    const codes = await refused(
      memoryPair(),
      { identity, peer: ANYBODY },
      { identity: operator, peer: expectWorkload },
    );
    assert.deepEqual(codes, ["ERR_TLS_ATTESTER", "told ERR_TLS_ATTESTER"]);
  });

  it("when appraisal takes longer than the deadline: ERR_DEADLINE", async () => {
    const { promise: never } = Promise.withResolvers<never>();
    const pair = memoryPair();
    const served = acceptEnclaveTls(pair.server, { identity: workload, peer: ANYBODY, timeoutMs: TIMEOUT_MS });
    served.catch(() => {});
    const peer = { evidence: "required", appraise: () => never } as const;
    const connected = connectEnclaveTls(pair.client, { identity: operator, peer, timeoutMs: 300 });
    await assert.rejects(connected, { code: "ERR_DEADLINE" });
    pair.server.destroy();
    await assert.rejects(served, { code: "ERR_TLS_CLOSED" });
  });
});
