import assert from "node:assert/strict";
import { once } from "node:events";
import { before, describe, it } from "node:test";
import type { AddressInfo } from "node:net";
import {
  connect as connectTls,
  type ConnectionOptions,
  createServer as createTlsServer,
  TLSSocket,
  type TLSSocketOptions,
} from "node:tls";
import { FrameChannel } from "../src/channel.ts";
import {
  acceptEnclaveTls,
  ALPN_PROTOCOL,
  connectEnclaveTls,
  createIdentity,
  type EnclaveTlsOptions,
  type Identity,
} from "../src/index.ts";
import { ANYBODY, memoryPair, tcpPair, TIMEOUT_MS } from "./pairs.ts";

let own: Identity;
let other: Identity;
let options: EnclaveTlsOptions;

before(async () => {
  own = await createIdentity({ now: new Date() });
  other = await createIdentity({ now: new Date() });
  options = { identity: own, peer: ANYBODY, timeoutMs: TIMEOUT_MS };
});

function rawOptions(identity: Identity | undefined) {
  const credentials =
    identity === undefined
      ? {}
      : { key: identity.privateKey.export({ type: "pkcs8", format: "pem" }) as string, cert: identity.certificatePem };
  return { ...credentials, rejectUnauthorized: false, ALPNProtocols: [ALPN_PROTOCOL] };
}

/** Our server against a TLS client of Node's own. */
async function serveRaw(client: ConnectionOptions): Promise<{ served: Promise<unknown>; raw: TLSSocket }> {
  const pair = await tcpPair();
  const raw = connectTls({ ...rawOptions(other), ...client, socket: pair.client });
  raw.on("error", () => {});
  const served = acceptEnclaveTls(pair.server, options);
  served.catch(() => {});
  return { served, raw };
}

/** Our client against a TLS server end of Node's own. */
async function connectRaw(server: TLSSocketOptions): Promise<Promise<unknown>> {
  const pair = await tcpPair();
  const raw = new TLSSocket(pair.server, {
    ...rawOptions(other),
    isServer: true,
    requestCert: true,
    ...server,
  });
  raw.on("error", () => {});
  const connected = connectEnclaveTls(pair.client, options);
  connected.catch(() => raw.destroy());
  return connected;
}

describe("the TLS below", () => {
  const tls12 = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;

  it("refuses a client of TLS 1.2 with ERR_TLS_VERSION", async () => {
    const { served, raw } = await serveRaw(tls12);
    await assert.rejects(served, { code: "ERR_TLS_VERSION" });
    raw.destroy();
  });

  it("refuses a server of TLS 1.2 with ERR_TLS_VERSION", async () => {
    const connected = connectRaw(tls12);
    await assert.rejects(connected, { code: "ERR_TLS_VERSION" });
  });

  for (const [what, ALPNProtocols] of [
    ["none", []],
    ["another", ["h2", "http/1.1"]],
  ] as const) {
    it(`refuses a client with ${what} ALPN with ERR_TLS_ALPN`, async () => {
      const { served, raw } = await serveRaw({ ALPNProtocols: [...ALPNProtocols] });
      await assert.rejects(served, { code: "ERR_TLS_ALPN" });
      raw.destroy();
    });

    it(`refuses a server with ${what} ALPN with ERR_TLS_ALPN`, async () => {
      const connected = connectRaw(
        ALPNProtocols.length === 0 ? { ALPNProtocols: undefined } : { ALPNProtocols: [...ALPNProtocols] },
      );
      await assert.rejects(connected, { code: "ERR_TLS_ALPN" });
    });
  }

  it("refuses a client without a certificate with ERR_TLS_CERTIFICATE_MISSING, and tells it so", async () => {
    const { served, raw } = await serveRaw({ key: undefined, cert: undefined });
    await assert.rejects(new FrameChannel(raw).read("challenge"), {
      code: "ERR_TLS_REFUSED_BY_PEER",
      details: { code: "ERR_TLS_CERTIFICATE_MISSING", message: "peer showed no certificate" },
    });
    raw.destroy();
    await assert.rejects(served, { code: "ERR_TLS_CERTIFICATE_MISSING" });
  });

  it("refuses bytes that are not TLS", async () => {
    const { server, client } = memoryPair();
    client.write("GET / HTTP/1.1\r\n\r\n");
    await assert.rejects(acceptEnclaveTls(server, options), { code: "ERR_TLS_HANDSHAKE" });
  });

  it("gives up on a silent peer with ERR_DEADLINE, in the handshake and after it", async () => {
    const silent = memoryPair();
    await assert.rejects(acceptEnclaveTls(silent.server, { ...options, timeoutMs: 50 }), { code: "ERR_DEADLINE" });
    assert.equal(silent.server.destroyed, true);
    const pair = await tcpPair();
    const raw = connectTls({ ...rawOptions(other), socket: pair.client });
    raw.on("error", () => {});
    await assert.rejects(acceptEnclaveTls(pair.server, { ...options, timeoutMs: 400 }), { code: "ERR_DEADLINE" });
    assert.equal(pair.server.destroyed, true);
    raw.destroy();
  });

  it("reports a peer that is not there with ERR_TLS_UNREACHABLE", async () => {
    await assert.rejects(connectEnclaveTls({ path: "/nowhere/socket" }, options), { code: "ERR_TLS_UNREACHABLE" });
  });

  it("reports a peer that hangs up with ERR_TLS_CLOSED", async () => {
    const pair = await tcpPair();
    pair.client.destroy();
    await assert.rejects(acceptEnclaveTls(pair.server, options), { code: "ERR_TLS_CLOSED" });
  });
});

describe("session resumption", () => {
  it("is impossible with our server, even for a client that kept every ticket", async () => {
    const sessions: Buffer[] = [];
    const reused: boolean[] = [];
    for (let round = 0; round < 3; round += 1) {
      const session = sessions.at(-1);
      const { served, raw } = await serveRaw(session === undefined ? {} : { session });
      raw.on("session", (ticket: Buffer) => sessions.push(ticket));
      await new FrameChannel(raw).read("challenge");
      reused.push(raw.isSessionReused());
      raw.destroy();
      await assert.rejects(served, { code: "ERR_TLS_CLOSED" });
    }
    assert.deepEqual(reused, [false, false, false]);
  });

  it("is never offered by our client, even to a server that would resume gladly", async () => {
    const reused: boolean[] = [];
    const server = createTlsServer({ ...rawOptions(other), minVersion: "TLSv1.3" }, (socket) => {
      reused.push(socket.isSessionReused());
      socket.on("error", () => {});
      // Long enough for the tickets to arrive.
      setTimeout(() => socket.destroy(), 50);
    });
    server.listen(0);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (let round = 0; round < 2; round += 1) {
      await assert.rejects(connectEnclaveTls({ host: "127.0.0.1", port }, options), { code: "ERR_TLS_CLOSED" });
    }
    server.close();
    assert.deepEqual(reused, [false, false]);
  });
});
