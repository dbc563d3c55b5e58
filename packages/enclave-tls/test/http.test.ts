import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { before, describe, it } from "node:test";
import { InclavareError } from "@inclavare/errors";
import {
  acceptEnclaveTls,
  connectEnclaveTls,
  createHttpClient,
  createHttpService,
  createIdentity,
  EnclaveTlsAgent,
  type EnclaveTlsOptions,
  type HttpClient,
  type HttpService,
  type HttpServiceOptions,
  readBody,
  sendJson,
} from "../src/index.ts";
import { ANYBODY, nestedPair, tcpPair, TIMEOUT_MS } from "./pairs.ts";

let serverOptions: EnclaveTlsOptions;
let clientOptions: EnclaveTlsOptions;
before(async () => {
  const common = { peer: ANYBODY, timeoutMs: TIMEOUT_MS };
  serverOptions = { ...common, identity: await createIdentity({ now: new Date() }) };
  clientOptions = { ...common, identity: await createIdentity({ now: new Date() }) };
});

const handle: HttpServiceOptions["handle"] = async (incoming, response) => {
  if (incoming.url === "/slow") await sleep(300);
  if (incoming.url === "/refused") throw new InclavareError("ERR_NONCE", "no good", { details: { bytes: 3 } });
  if (incoming.url === "/large") sendJson(response, 200, "x".repeat(5000));
  else sendJson(response, 200, { path: incoming.url, bytes: (await readBody(incoming, 1000)).length });
};

async function join(options: Partial<HttpServiceOptions> = {}, pair = tcpPair()): Promise<[HttpService, HttpClient]> {
  const { server, client } = await pair;
  const [accepted, connected] = await Promise.all([
    acceptEnclaveTls(server, serverOptions),
    connectEnclaveTls(client, clientOptions),
  ]);
  const service = createHttpService({ handle, ...options });
  service.attach(accepted);
  return [service, createHttpClient(connected)];
}

const GET = { method: "GET", path: "/", timeoutMs: 5000 } as const;

describe("HTTP on an Enclave-TLS connection", () => {
  for (const [where, makePair] of [
    ["on TCP", tcpPair],
    ["in a tunnel", nestedPair],
  ] as const) {
    it(`answers many requests on one connection ${where}`, async () => {
      const [service, client] = await join({}, makePair());
      const answers = await Promise.all(
        [1, 2, 3].map((n) => client.requestJson({ ...GET, method: "POST", path: `/${n}`, body: Buffer.alloc(n) })),
      );
      assert.deepEqual(
        answers,
        [1, 2, 3].map((n) => ({ path: `/${n}`, bytes: n })),
      );
      assert.equal(service.connections, 1);
      client.close();
      await assert.rejects(client.request(GET), { code: "ERR_TLS_CLOSED" });
      await service.drain(1000);
      assert.equal(service.connections, 0);
    });
  }

  it("brings the handler's error to the other side with its code", async () => {
    const [service, client] = await join();
    await assert.rejects(client.request({ ...GET, path: "/refused" }), { code: "ERR_NONCE", details: { bytes: 3 } });
    await client.request(GET);
    client.close();
    await service.drain(0);
  });

  it("refuses a body beyond the limit with ERR_BODY_TOO_LARGE", async () => {
    const [service, client] = await join();
    const large = { ...GET, method: "PUT", body: Buffer.alloc(2000) } as const;
    await assert.rejects(client.request(large), { code: "ERR_BODY_TOO_LARGE" });
    client.close();
    await service.drain(0);
  });

  it("refuses an answer beyond the limit with ERR_TLS_HTTP", async () => {
    const [service, client] = await join();
    await assert.rejects(client.request({ ...GET, path: "/large", limitBytes: 4096 }), { code: "ERR_TLS_HTTP" });
    client.close();
    await service.drain(0);
  });

  it("gives up on a slow answer with ERR_DEADLINE", async () => {
    const [service, client] = await join();
    await assert.rejects(client.request({ ...GET, path: "/slow", timeoutMs: 50 }), { code: "ERR_DEADLINE" });
    client.close();
    await service.drain(1000);
  });

  it("hangs up on an idle connection, and on a request that takes too long", async () => {
    const [idle, idleClient] = await join({ idleTimeoutMs: 50 });
    await sleep(150);
    assert.equal(idle.connections, 0);
    await assert.rejects(idleClient.request(GET), { code: "ERR_TLS_CLOSED" });
    const [slow, slowClient] = await join({ requestTimeoutMs: 50 });
    await assert.rejects(slowClient.request({ ...GET, path: "/slow" }), { code: "ERR_TLS_CLOSED" });
    assert.equal(slow.connections, 0);
  });

  it("drains: idle connections end, a running answer is finished", async () => {
    const [service, client] = await join();
    const running = client.requestJson({ ...GET, path: "/slow" });
    await sleep(50);
    const drained = service.drain(5000);
    assert.deepEqual(await running, { path: "/slow", bytes: 0 });
    await drained;
    assert.equal(service.connections, 0);
    client.close();
  });

  it("hands a connection over to another protocol, and says why it does not", async () => {
    const upgrade: HttpServiceOptions["upgrade"] = async (incoming, socket, head) => {
      if (incoming.url !== "/echo") throw new InclavareError("ERR_ROUTE_UNKNOWN", "nothing here");
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ");
      socket.unshift(head);
      socket.pipe(socket);
    };
    const [, client] = await join({ upgrade });
    const stream = await client.upgrade({ ...GET, method: "POST", path: "/echo" }, "echo");
    stream.end("world");
    assert.equal(await text(stream), "hello world");
    const [, other] = await join({ upgrade });
    await assert.rejects(other.upgrade({ ...GET, method: "POST" }, "echo"), { code: "ERR_ROUTE_UNKNOWN" });
    client.close();
    other.close();
  });

  it("works with node:https through an agent", async () => {
    const service = createHttpService({ handle });
    const listener = createServer((socket) => {
      void acceptEnclaveTls(socket, serverOptions).then(
        (accepted) => service.attach(accepted),
        () => undefined,
      );
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const get = async (options: EnclaveTlsOptions): Promise<string> => {
      const outgoing = request({ agent: new EnclaveTlsAgent(options), host: "127.0.0.1", port, path: "/agent" });
      outgoing.end();
      const [response] = await once(outgoing, "response");
      return await text(response);
    };
    assert.equal(await get(clientOptions), '{"path":"/agent","bytes":0}');
    const nobody = { evidence: "none", authorize: () => false } as const;
    await assert.rejects(get({ ...clientOptions, peer: nobody }), { code: "ERR_TLS_NOT_AUTHORIZED" });
    listener.close();
    await service.drain(0);
  });
});
