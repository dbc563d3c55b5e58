import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { decodeClaims, decodeEvidenceMessage, trustAnchorsFromPem, verifyEvidence } from "@inclavare/attestation";
import {
  connectEnclaveTls,
  createHttpClient,
  createIdentity,
  type HttpClient,
  type Identity,
} from "@inclavare/enclave-tls";
import { readFileSync } from "node:fs";
import { createNode, ROOT, type TestNode, type TestWorkload } from "./workload.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");
const TIMEOUT_MS = 20_000;
const ANYBODY = { evidence: "none", authorize: () => true } as const;

interface Proxy {
  readonly child: ChildProcess;
  readonly port: number;
  readonly stderr: Promise<string>;
}

async function startProxy(...args: readonly string[]): Promise<Proxy> {
  const child = spawn(process.execPath, [MAIN, "--listen", "127.0.0.1:0", "--ready-fd", "3", ...args], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const ready = child.stdio[3] as Readable;
  const stderr = text(child.stderr as Readable);
  const [line] = (await once(ready, "data", { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [Buffer];
  const { address, port } = JSON.parse(line.toString()) as { address: string; port: number };
  assert.equal(address, `127.0.0.1:${port}`);
  return { child, port, stderr };
}

async function stopProxy({ child }: Proxy): Promise<number | null> {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const [code] = (await exited) as [number | null];
  return code;
}

describe("inclavared", () => {
  let node: TestNode;
  let payroll: TestWorkload;
  let proxy: Proxy;
  let caller: Identity;

  before(async () => {
    node = await createNode();
    payroll = await node.start("payroll-1", { workload: "payroll", code: "payroll" });
    proxy = await startProxy("--workloads", node.workloadsDirectory, "--trust", node.rootFile);
    caller = await createIdentity({ now: new Date() });
  });

  after(async () => {
    await stopProxy(proxy);
    await node[Symbol.asyncDispose]();
  });

  async function connect(): Promise<HttpClient> {
    const address = { host: "127.0.0.1", port: proxy.port };
    return createHttpClient(
      await connectEnclaveTls(address, { identity: caller, peer: ANYBODY, timeoutMs: TIMEOUT_MS }),
    );
  }

  async function list(): Promise<Record<string, unknown>[]> {
    using http = await connect();
    const rows = await http.requestJson({ method: "GET", path: "/v1/workloads", timeoutMs: TIMEOUT_MS });
    return rows as Record<string, unknown>[];
  }

  async function post(path: string, body: unknown): Promise<Buffer> {
    using http = await connect();
    const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    return (await http.request({ method: "POST", path, body: bytes, timeoutMs: TIMEOUT_MS })).body;
  }

  it("lists a workload as it was attested", async () => {
    const [row, ...others] = await list();
    assert.equal(others.length, 0);
    const { name, container, status, tee, measurement, waitingForSecrets } = row ?? {};
    assert.deepEqual(
      { name, container, status, tee, waitingForSecrets },
      {
        name: "payroll",
        container: "payroll-1",
        status: "attested",
        tee: "simulated",
        waitingForSecrets: ["table"],
      },
    );
    assert.equal((measurement as { mrEnclave: string }).mrEnclave, payroll.mrEnclave);
  });

  it("holds one session, and makes it anew when it breaks", async () => {
    await list();
    const before = payroll.sessions();
    await Promise.all([list(), list(), list()]);
    assert.equal(payroll.sessions(), before);
    payroll.hangUp();
    assert.equal((await list())[0]?.["status"], "attested");
    assert.equal(payroll.sessions(), before + 1);
  });

  it("relays the workload's own evidence for the caller's nonce", async () => {
    const nonce = Buffer.alloc(32, 7);
    const bytes = await post("/v1/workloads/payroll/evidence", { nonce: nonce.toString("hex") });
    const trustAnchors = trustAnchorsFromPem(readFileSync(node.rootFile, "utf8"));
    const verdict = verifyEvidence({ bytes, trustAnchors, now: new Date(), nonce, allow: [], evidenceOnly: true });
    assert.equal(verdict.verdict, "verified");
    const { claims = assert.fail() } = decodeEvidenceMessage(bytes);
    assert.equal(decodeClaims(claims).purpose, "nonce");
  });

  it("opens a tunnel in which the workload proves itself end to end", async () => {
    const http = await connect();
    const path = "/v1/workloads/payroll/tunnel";
    const tunnel = await http.upgrade({ method: "POST", path, timeoutMs: TIMEOUT_MS }, "inclavare-tunnel");
    const trustAnchors = trustAnchorsFromPem(readFileSync(node.rootFile, "utf8"));
    const inner = await connectEnclaveTls(tunnel, {
      identity: caller,
      peer: {
        evidence: "required",
        workload: "payroll",
        sufficient: "verified",
        appraise: async (_evidence, _claims, _claimsBytes, bytes) =>
          verifyEvidence({ bytes, trustAnchors, now: new Date(), allow: [], evidenceOnly: true }),
      },
      timeoutMs: TIMEOUT_MS,
    });
    assert.equal(inner.peer.workload, "payroll");
    using workload = createHttpClient(inner);
    await workload.request({
      method: "PUT",
      path: "/v1/secrets/big",
      body: Buffer.alloc(900_000, 1),
      timeoutMs: TIMEOUT_MS,
    });
    assert.equal(payroll.secrets.get("big")?.length, 900_000);
  });

  it("answers wrong requests with their code", async () => {
    const evidence = "/v1/workloads/payroll/evidence";
    for (const [path, body, code] of [
      ["/v2", {}, "ERR_ROUTE_UNKNOWN"],
      ["/v1/workloads", {}, "ERR_ROUTE_UNKNOWN"],
      ["/v1/workloads/payroll/steal", {}, "ERR_ROUTE_UNKNOWN"],
      ["/v1/workloads/other/evidence", { nonce: "00".repeat(32) }, "ERR_WORKLOAD_NOT_FOUND"],
      ["/v1/workloads/payroll-1/evidence", { nonce: "00".repeat(32) }, "ERR_WORKLOAD_NOT_FOUND"],
      ["/v1/workloads/..%2f..%2fetc/evidence?container=..%2f", { nonce: "00".repeat(32) }, "ERR_REQUEST"],
      ["/v1/workloads/a%00b/evidence", { nonce: "00".repeat(32) }, "ERR_REQUEST"],
      ["/v1/workloads/%ff/evidence", { nonce: "00".repeat(32) }, "ERR_REQUEST"],
      [evidence, "{", "ERR_JSON"],
      [evidence, {}, "ERR_NONCE"],
      [evidence, { nonce: "00" }, "ERR_NONCE"],
      [evidence, { nonce: "00".repeat(65) }, "ERR_NONCE"],
      [evidence, { nonce: "00".repeat(32), application: "%" }, "ERR_REQUEST"],
      [evidence, "x".repeat(70_000), "ERR_BODY_TOO_LARGE"],
    ] as const) {
      await assert.rejects(post(path, body), { code }, `${path} ${code}`);
    }
  });

  it("refuses a tunnel to nowhere, and an upgrade to something else", async () => {
    const tunnel = { method: "POST", path: "/v1/workloads/other/tunnel", timeoutMs: TIMEOUT_MS } as const;
    const [first, second] = [await connect(), await connect()];
    await assert.rejects(first.upgrade(tunnel, "inclavare-tunnel"), { code: "ERR_WORKLOAD_NOT_FOUND" });
    await assert.rejects(second.upgrade({ ...tunnel, path: "/v1/workloads/payroll/tunnel" }, "websocket"), {
      code: "ERR_REQUEST",
    });
    first.close();
    second.close();
  });

  it("wants to know which container, where several run one workload", async () => {
    const twin = await node.start("payroll-2", { workload: "payroll", code: "another" });
    const request = { nonce: "00".repeat(32) };
    await assert.rejects(post("/v1/workloads/payroll/evidence", request), {
      code: "ERR_WORKLOAD_AMBIGUOUS",
      details: { containers: ["payroll-1", "payroll-2"] },
    });
    await post("/v1/workloads/payroll/evidence?container=payroll-2", request);
    await twin.remove();
    await post("/v1/workloads/payroll/evidence", request);
  });

  it("lists what does not answer with its error, and passes over what is not a workload", async () => {
    const dead = await node.start("dead", { workload: "dead", code: "dead" });
    await dead.stop();
    const root = join(node.workloadsDirectory, ROOT);
    for (const name of ["half", "foreign", "plain"]) mkdirSync(join(root, name));
    writeFileSync(join(root, "half", "state.json"), "{");
    writeFileSync(join(root, "foreign", "state.json"), JSON.stringify({ id: "else" }));
    symlinkSync(join(root, "payroll-1"), join(root, "linked"));
    mkdirSync(join(node.workloadsDirectory, "not-a-hash", "x"), { recursive: true });
    const rows = (await list()).map((row) => [
      row["container"],
      row["status"],
      (row["error"] as { code: string } | undefined)?.code,
    ]);
    assert.deepEqual(rows, [
      ["dead", "failed", "ERR_WORKLOAD_UNREACHABLE"],
      ["foreign", "failed", "ERR_WORKLOAD_STATE"],
      ["half", "failed", "ERR_JSON"],
      ["payroll-1", "attested", undefined],
    ]);
    await dead.remove();
  });

  it("lists a workload whose evidence its roots do not verify as failed, and does not tunnel to it", async () => {
    const stranger = await createNode();
    const other = await startProxy("--workloads", node.workloadsDirectory, "--trust", stranger.rootFile);
    const address = { host: "127.0.0.1", port: other.port };
    const http = createHttpClient(
      await connectEnclaveTls(address, { identity: caller, peer: ANYBODY, timeoutMs: TIMEOUT_MS }),
    );
    const rows = (await http.requestJson({ method: "GET", path: "/v1/workloads", timeoutMs: TIMEOUT_MS })) as {
      container: string;
      error: { code: string };
    }[];
    assert.equal(rows.find(({ container }) => container === "payroll-1")?.error.code, "ERR_TLS_APPRAISAL");
    const tunnel = { method: "POST", path: "/v1/workloads/payroll/tunnel", timeoutMs: TIMEOUT_MS } as const;
    await assert.rejects(http.upgrade(tunnel, "inclavare-tunnel"), { code: "ERR_WORKLOAD_NOT_FOUND" });
    await stopProxy(other);
    await stranger[Symbol.asyncDispose]();
  });

  it("stops on SIGTERM within its deadline, with a tunnel open, and exits 0", async () => {
    const other = await startProxy("--workloads", node.workloadsDirectory, "--trust", node.rootFile);
    const address = { host: "127.0.0.1", port: other.port };
    const http = createHttpClient(
      await connectEnclaveTls(address, { identity: caller, peer: ANYBODY, timeoutMs: TIMEOUT_MS }),
    );
    const path = "/v1/workloads/payroll/tunnel";
    const tunnel = await http.upgrade({ method: "POST", path, timeoutMs: TIMEOUT_MS }, "inclavare-tunnel");
    tunnel.on("error", () => undefined);
    const started = Date.now();
    assert.equal(await stopProxy(other), 0);
    assert.ok(Date.now() - started < 8000);
    assert.match(await other.stderr, /"address":"127\.0\.0\.1:\d+"/u);
    http.close();
  });

  for (const [what, args] of [
    ["no --listen", []],
    ["a port that is none", ["--listen", "127.0.0.1:70000"]],
    ["a host alone", ["--listen", "127.0.0.1"]],
    ["a standard descriptor", ["--listen", "127.0.0.1:0", "--ready-fd", "1"]],
  ] as const) {
    it(`exits 2 on ${what}`, async () => {
      const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "ignore", "pipe"] });
      const [[code], stderr] = await Promise.all([once(child, "exit"), text(child.stderr)]);
      assert.equal(code, 2);
      assert.match(stderr, /ERR_USAGE/u);
    });
  }

  it("exits 1 where the port is taken, or the root cannot be read", async () => {
    const holder = createServer();
    holder.listen(0, "127.0.0.1");
    await once(holder, "listening");
    const taken = holder.address();
    const port = typeof taken === "object" ? taken?.port : 0;
    for (const [args, code] of [
      [["--listen", `127.0.0.1:${port}`], "ERR_LISTEN"],
      [["--listen", "127.0.0.1:0", "--trust", "/nowhere.pem"], "ERR_FILE"],
    ] as const) {
      const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "ignore", "pipe"] });
      const [[exit], stderr] = await Promise.all([once(child, "exit"), text(child.stderr)]);
      assert.equal(exit, 1);
      assert.match(stderr, new RegExp(code, "u"));
    }
    holder.close();
  });
});
