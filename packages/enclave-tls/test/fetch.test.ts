/** The server with the clients that people use: openssl, `https.Agent` and `fetch`. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { get } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Dispatcher } from "undici";
import {
  ALPN_PROTOCOL,
  createEnclaveTlsDispatcher,
  createEnclaveTlsServer,
  createHttpService,
  createIdentity,
  EnclaveTlsAgent,
  type EnclaveTlsOptions,
  type HttpService,
  type Identity,
  sendJson,
  Sessions,
} from "../src/index.ts";
import { ANYBODY, TIMEOUT_MS } from "./pairs.ts";
import { acceptOnly, type SimulatedPlatform, startPlatform } from "./simulated.ts";

let platform: SimulatedPlatform;
let workload: Identity;
let operator: EnclaveTlsOptions;
let attested: Service;
/** The same service in an enclave whose code somebody has changed. */
let tampered: Service;

interface Service extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Requests that reached the application. */
  readonly requests: string[];
  readonly refusals: string[];
  readonly connections: () => number;
}

async function serve(identity: Identity, options: Partial<EnclaveTlsOptions> = {}): Promise<Service> {
  const requests: string[] = [];
  const refusals: string[] = [];
  let opened = 0;
  const http: HttpService = createHttpService({
    handle: (request, response) => {
      requests.push(request.url ?? "");
      sendJson(response, 200, { path: request.url });
    },
  });
  const server: Server = createEnclaveTlsServer(
    {
      identity,
      peer: ANYBODY,
      timeoutMs: TIMEOUT_MS,
      onRefused: ({ code }) => refusals.push(code),
      ...options,
    },
    (socket) => {
      opened += 1;
      http.attach(socket);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    requests,
    refusals,
    connections: () => opened,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await http.drain(0);
    },
  };
}

before(async () => {
  platform = await startPlatform();
  const genuine = platform.launch("workload");
  const now = new Date();
  workload = await createIdentity({ attester: genuine, workload: "payroll", now });
  const changed = await createIdentity({ attester: platform.launch("workload?"), workload: "payroll", now });
  attested = await serve(workload);
  tampered = await serve(changed);
  operator = {
    identity: await createIdentity({ now }),
    peer: { ...acceptOnly(platform.trustAnchors, genuine.mrEnclave), workload: "payroll" },
    timeoutMs: TIMEOUT_MS,
  };
});

after(async () => {
  await Promise.all([attested[Symbol.asyncDispose](), tampered[Symbol.asyncDispose]()]);
  platform[Symbol.dispose]();
});

/** Node's own `fetch`, whose types know the same dispatcher in another version. */
async function fetchBy(dispatcher: Dispatcher, url: string): Promise<Response> {
  return await fetch(url, { dispatcher: dispatcher as never });
}

async function causeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
  } catch (error) {
    const { cause, code } = error as { cause?: { code?: string }; code?: string };
    return cause?.code ?? code;
  }
  return assert.fail("it went through");
}

describe("fetch through the dispatcher", () => {
  it("reaches an attested server, on one connection for many requests", async () => {
    const dispatcher = await createEnclaveTlsDispatcher(operator, { connections: 1 });
    const before = attested.connections();
    for (const path of ["/one", "/two", "/three"]) {
      const response = await fetchBy(dispatcher, attested.url + path);
      assert.deepEqual(await response.json(), { path });
    }
    assert.equal(attested.connections() - before, 1);
    await dispatcher.close();
  });

  it("refuses a tampered one with ERR_TLS_APPRAISAL, and no request leaves", async () => {
    const dispatcher = await createEnclaveTlsDispatcher(operator);
    assert.equal(await causeOf(fetchBy(dispatcher, `${tampered.url}/secret`)), "ERR_TLS_APPRAISAL");
    assert.deepEqual(tampered.requests, []);
    await dispatcher.destroy();
  });

  it("refuses an address that is not https:", async () => {
    const dispatcher = await createEnclaveTlsDispatcher(operator);
    const plain = `http://127.0.0.1:${attested.port}/`;
    assert.equal(await causeOf(fetchBy(dispatcher, plain)), "ERR_TLS_UNREACHABLE");
    await dispatcher.destroy();
  });

  it("proves every connection anew, and resumes none", async () => {
    const verdicts = acceptOnly(platform.trustAnchors, platform.launch("workload").mrEnclave);
    const dispatcher = await createEnclaveTlsDispatcher({ ...operator, peer: verdicts }, { connections: 3 });
    const before = attested.connections();
    await Promise.all([1, 2, 3].map(async (n) => await (await fetchBy(dispatcher, `${attested.url}/${n}`)).text()));
    const opened = attested.connections() - before;
    assert.ok(opened > 1);
    // Every connection had a verdict of its own; a resumed one would have been refused with ERR_TLS_RESUMED.
    assert.equal(verdicts.verdicts.length, opened);
    await dispatcher.close();
  });

  it("loses its pooled connections when the verdict is revoked, and asks anew", async () => {
    const sessions = new Sessions();
    let isWithdrawn = false;
    const peer = acceptOnly(platform.trustAnchors, platform.launch("workload").mrEnclave);
    const strict: typeof peer = {
      ...peer,
      appraise: async (...args) => {
        const verdict = await peer.appraise(...args);
        return isWithdrawn ? { ...verdict, verdict: "refused" } : verdict;
      },
    };
    const dispatcher = await createEnclaveTlsDispatcher({ ...operator, peer: strict, sessions });
    await (await fetchBy(dispatcher, `${attested.url}/pooled`)).text();
    assert.equal(sessions.size, 1);
    isWithdrawn = true;
    assert.equal(await sessions.reappraise(), 1);
    const before = attested.requests.length;
    assert.equal(await causeOf(fetchBy(dispatcher, `${attested.url}/after`)), "ERR_TLS_APPRAISAL");
    assert.equal(sessions.size, 0);
    assert.equal(attested.requests.length, before);
    await dispatcher.destroy();
  });
});

describe("https through the agent", () => {
  async function getBy(agent: EnclaveTlsAgent, url: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    // A TLS option of the request must not open what the policy closes.
    const outgoing = get(url, { agent, rejectUnauthorized: false }, (response) => {
      text(response).then(resolve, reject);
    });
    outgoing.on("error", reject);
    return await promise;
  }

  it("reaches an attested server, keeps the connection, and refuses a tampered one", async () => {
    const agent = new EnclaveTlsAgent(operator, { keepAlive: true, maxSockets: 1 });
    const before = attested.connections();
    assert.equal(await getBy(agent, `${attested.url}/a`), '{"path":"/a"}');
    assert.equal(await getBy(agent, `${attested.url}/b`), '{"path":"/b"}');
    assert.equal(attested.connections() - before, 1);
    assert.equal(await causeOf(getBy(agent, `${tampered.url}/secret`)), "ERR_TLS_APPRAISAL");
    assert.deepEqual(tampered.requests, []);
    agent.destroy();
  });

  it("caches no TLS session, and proves every connection anew", async () => {
    const peer = acceptOnly(platform.trustAnchors, platform.launch("workload").mrEnclave);
    const agent = new EnclaveTlsAgent({ ...operator, peer }, { keepAlive: false });
    for (const path of ["/1", "/2", "/3"]) await getBy(agent, attested.url + path);
    assert.equal(peer.verdicts.length, 3);
    const cache = (agent as unknown as { _sessionCache: { map: object; list: unknown[] } })._sessionCache;
    assert.deepEqual([Object.keys(cache.map), cache.list], [[], []]);
    agent.destroy();
  });

  it("loses its pooled connections when the verdict is revoked", async () => {
    const sessions = new Sessions();
    const agent = new EnclaveTlsAgent({ ...operator, sessions }, { keepAlive: true });
    const before = attested.connections();
    await getBy(agent, `${attested.url}/pooled`);
    assert.equal(sessions.revoke("measurement withdrawn"), 1);
    await getBy(agent, `${attested.url}/again`);
    assert.equal(attested.connections() - before, 2);
    agent.destroy();
  });
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

describe("openssl s_client", { skip: hasOpenssl ? false : "there is no openssl on this machine" }, () => {
  it("completes a TLS 1.3 handshake with the server and shows the certificate", async () => {
    const arguments_ = ["s_client", "-connect", `127.0.0.1:${attested.port}`, "-alpn", ALPN_PROTOCOL];
    const child = spawn("openssl", arguments_, { stdio: ["pipe", "pipe", "pipe"] });
    const [output] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    assert.match(output, /New, TLSv1\.3, Cipher is TLS_/u);
    assert.match(output, /Server certificate\n-----BEGIN CERTIFICATE-----/u);
    assert.match(output, new RegExp(`ALPN protocol: ${ALPN_PROTOCOL}`, "u"));
    // It is the one that the workload's evidence speaks of.
    const shown = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/u.exec(output)?.[0] ?? "";
    assert.equal(shown.replaceAll(/\s/gu, ""), workload.certificatePem.replaceAll(/\s/gu, ""));
    // It has no certificate of its own, so that it gets no further.
    assert.equal(attested.refusals.at(-1), "ERR_TLS_CERTIFICATE_MISSING");
  });
});

describe("a client that goes slowly", () => {
  /** A TLS client that says one byte of its proof exchange at a time. */
  async function drip(service: Service, bytes: Uint8Array, everyMs: number): Promise<void> {
    const socket: TLSSocket = connectTls({
      host: "127.0.0.1",
      port: service.port,
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN_PROTOCOL],
      key: operator.identity.privateKey.export({ type: "pkcs8", format: "pem" }),
      cert: operator.identity.certificatePem,
    });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < bytes.length) socket.write(bytes.subarray(sent, ++sent));
    }, everyMs);
    socket.resume();
    await once(socket, "close");
    clearInterval(timer);
  }

  it("is cut off by the deadline, however often it says a byte", async () => {
    await using service = await serve(workload, { timeoutMs: 500 });
    await drip(service, Buffer.alloc(64), 20);
    assert.match(service.refusals.join(), /^ERR_(TLS_PROTOCOL|DEADLINE)$/u);
    const challenge = Buffer.from([1, 0, 0, 0, 32, ...Buffer.alloc(32)]);
    await drip(service, challenge, 100);
    assert.equal(service.refusals.at(-1), "ERR_DEADLINE");
    assert.equal(service.connections(), 0);
  });
});
