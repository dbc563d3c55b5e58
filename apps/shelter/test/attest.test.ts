import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, describe, it } from "node:test";
import type { Attester, CollateralBundle, EarResult, Verdict } from "@inclavare/attestation";
import {
  acceptEnclaveTls,
  createHttpService,
  createIdentity,
  type EnclaveTlsSocket,
  type HttpServiceOptions,
  type Identity,
  readBody,
} from "@inclavare/enclave-tls";
import { InclavareError } from "@inclavare/errors";
import { createSigstruct, generateSigningKey, Measurement, PAGE_FLAGS } from "@inclavare/sgx";
import { createPlatform } from "@inclavare/sgx-sim";

const SHELTER = join(import.meta.dirname, "../src/main.ts");
const INCLAVARED = join(import.meta.dirname, "../../inclavared/src/main.ts");
const ANYBODY = { evidence: "none", authorize: () => true } as const;
const TIMEOUT_MS = 20_000;

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function shelter(...args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [SHELTER, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** Serves Enclave-TLS with HTTP inside, as init-runelet and Inclavared do. */
async function serve(
  address: string | number,
  identity: Identity,
  options: HttpServiceOptions,
): Promise<AsyncDisposable & { readonly server: Server }> {
  const service = createHttpService(options);
  const server = createServer((socket) => {
    acceptEnclaveTls(socket, { identity, peer: ANYBODY, timeoutMs: TIMEOUT_MS }).then(
      (session) => service.attach(session),
      () => undefined,
    );
  });
  server.listen(typeof address === "string" ? { path: address } : { port: address, host: "127.0.0.1" });
  await once(server, "listening");
  return {
    server,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      await Promise.all([service.drain(0), closed]);
    },
  };
}

describe("shelter attest", () => {
  const cleanup = new AsyncDisposableStack();
  const secrets = new Map<string, string>();
  let directory: string;
  let state: string;
  let proxy: ChildProcess;
  let via: string;
  let rootFile: string;
  let secretFile: string;
  let verifiers: readonly string[] | undefined;
  let collateral: CollateralBundle;
  let measurements: Readonly<Record<"payroll" | "other", string>>;

  /** A workload under the node's state directory; it takes secrets as init-runelet does. */
  async function startWorkload(container: string, workload: string, attester: Attester): Promise<void> {
    const folder = join(directory, "rune", "0123456789abcdef", container);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "state.json"), JSON.stringify({ id: container }));
    const identity = await createIdentity({ attester, workload, now: new Date() });
    const handle: HttpServiceOptions["handle"] = async (request, response) => {
      const session = request.socket as unknown as EnclaveTlsSocket;
      const key = Buffer.from(session.peer.spkiSha256).toString("hex");
      if (verifiers?.includes(key) === false) throw new InclavareError("ERR_VERIFIER_UNKNOWN", "not one of mine");
      secrets.set(`${workload} ${request.method} ${request.url}`, (await readBody(request, 1 << 20)).toString());
      response.writeHead(204).end();
    };
    cleanup.use(await serve(join(folder, "attest.sock"), identity, { handle }));
  }

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "shelter-attest-"));
    cleanup.defer(() => rmSync(directory, { recursive: true, force: true }));
    const platform = await createPlatform(join(directory, "platform"), { now: new Date() });
    collateral = platform.collateral(new Date());
    rootFile = join(directory, "root.pem");
    writeFileSync(rootFile, platform.rootCertificatePem);
    secretFile = join(directory, "table.csv");
    writeFileSync(secretFile, "name,salary\n");
    const signingKey = generateSigningKey();
    const launch = (code: string): { readonly attester: Attester; readonly mrEnclave: string } => {
      const measurement = Measurement.create({ sizeBytes: 65_536, ssaFrameSize: 1 });
      measurement.addRegion(0, PAGE_FLAGS.rx, Buffer.from(code));
      const fields = { mrEnclave: measurement.digest(), isvProdId: 1, isvSvn: 1, date: new Date(), debug: false };
      const enclave = platform.launch({ measurement, debug: false, sigstruct: createSigstruct(fields, signingKey) });
      const evidence: Attester["evidence"] = async (reportData) => ({
        format: "sgx-quote",
        quote: enclave.quote(reportData),
        collateral: platform.collateral(new Date()),
      });
      const identity = (): never => assert.fail("not asked here");
      const mrEnclave = Buffer.from(enclave.mrEnclave).toString("hex");
      return { attester: { tee: "simulated", identity, evidence }, mrEnclave };
    };
    const [payroll, other] = [launch("payroll"), launch("other")];
    measurements = { payroll: payroll.mrEnclave, other: other.mrEnclave };
    await startWorkload("payroll-1", "payroll", payroll.attester);
    await startWorkload("other-1", "other", other.attester);
    const args = ["--listen", "127.0.0.1:0", "--ready-fd", "3", "--trust", rootFile];
    proxy = spawn(process.execPath, [INCLAVARED, ...args, "--workloads", join(directory, "rune")], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const [line] = (await once(proxy.stdio[3] as Readable, "data")) as [Buffer];
    via = (JSON.parse(line.toString()) as { address: string }).address;
  });

  after(async () => {
    const exited = once(proxy, "exit");
    proxy.kill("SIGTERM");
    await exited;
    await cleanup.disposeAsync();
  });

  beforeEach(() => {
    state = mkdtempSync(join(directory, "state-"));
    secrets.clear();
    verifiers = undefined;
  });

  async function record(mrEnclave: string): Promise<void> {
    const run = await shelter(
      "reference",
      "add",
      "payroll",
      "--mrenclave",
      mrEnclave,
      "--source",
      "a test",
      "--state",
      state,
    );
    assert.equal(run.code, 0, run.stderr);
  }

  function attest(...args: readonly string[]): Promise<Run> {
    const secret = ["--secret", `table=${secretFile}`];
    return shelter("attest", "--via", via, "payroll", "--trust", rootFile, "--state", state, ...secret, ...args);
  }

  function failedChecks({ stdout }: Run): (string | undefined)[] {
    const verdict = JSON.parse(stdout) as Verdict;
    assert.equal(verdict.verdict, "refused");
    return verdict.checks.filter(({ result }) => result === "failed").map(({ code }) => code);
  }

  it("accepts the recorded measurement, and then hands over the secret", async () => {
    await record(measurements.payroll);
    const run = await attest("--allow", "simulated");
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /session-proof/u);
    assert.match(run.stdout, /ACCEPTED \(simulated, TCB UpToDate\); allowed by exception: simulated/u);
    assert.deepEqual([...secrets], [["payroll PUT /v1/secrets/table", "name,salary\n"]]);
  });

  it("takes the verifier's own collateral before what the workload sends", async () => {
    await record(measurements.payroll);
    const own = join(state, "own");
    mkdirSync(own);
    writeFileSync(join(own, "bundle.json"), JSON.stringify(collateral));
    const run = await attest("--allow", "simulated", "--collateral", own);
    assert.equal(run.code, 0, run.stdout + run.stderr);
  });

  it("hands over nothing where a service that was named cannot be had", async () => {
    await record(measurements.payroll);
    const run = await attest("--allow", "simulated", "-o", "json", "--pcs", "http://127.0.0.1:1");
    assert.equal(run.code, 4, run.stderr);
    assert.ok(failedChecks(run).includes("ERR_COLLATERAL_FETCH"));
    assert.equal(secrets.size, 0);
  });

  it("prints the verdict as JSON, and saves evidence that verifies again", async () => {
    await record(measurements.payroll);
    const file = join(state, "evidence.cbor");
    const run = await attest("--allow", "simulated", "-o", "json", "--save-evidence", file);
    assert.equal(run.code, 0, run.stderr);
    const verdict = JSON.parse(run.stdout) as Verdict & { claims: { claims: { nonce: string; purpose: string } } };
    assert.equal(verdict.verdict, "accepted");
    assert.ok(verdict.measurement?.tee === "sgx");
    assert.equal(verdict.measurement.mrEnclave, measurements.payroll);
    assert.equal(verdict.claims.claims.purpose, "session");
    const again = await shelter(
      "verify",
      file,
      "--trust",
      rootFile,
      "--evidence-only",
      "--nonce",
      verdict.claims.claims.nonce,
    );
    assert.equal(again.code, 6, again.stdout);
  });

  it("goes by a policy in a file, beside what is recorded", async () => {
    const path = join(state, "policy.json");
    const reference = { mrEnclave: measurements.payroll, source: "the file" };
    writeFileSync(path, JSON.stringify({ referenceValues: [reference], allow: ["simulated"] }));
    await record(measurements.other);
    const run = await attest("--policy", path);
    assert.deepEqual([run.code, /reference from the file/u.test(run.stdout)], [0, true], run.stdout);
    writeFileSync(path, JSON.stringify({ referenceValues: [reference], minEvaluationDataNumber: 1_000_000 }));
    const refused = await attest("--policy", path, "--allow", "simulated", "-o", "json");
    assert.deepEqual([refused.code, failedChecks(refused)], [5, ["ERR_POLICY_EVALUATION"]]);
  });

  it("issues a token that names the session's key and nonce, contraindicated for the simulated platform", async () => {
    await record(measurements.payroll);
    const tokenFile = join(state, "token.jwt");
    const words = ["--allow", "simulated", "--audience", "relying party"];
    const run = await attest(...words, "--token", tokenFile, "-o", "json");
    assert.equal(run.code, 0, run.stderr);
    const { claims, boundKey } = JSON.parse(run.stdout) as Verdict & { claims: { claims: { nonce: string } } };
    const token = readFileSync(tokenFile, "utf8").trim();
    const keys = join(state, "jwks.json");
    writeFileSync(keys, (await shelter("key", "jwks", "--state", state)).stdout);
    const nonce = ["--nonce", claims.claims.nonce];
    const args = ["token", "verify", tokenFile, "--jwks", keys, "--audience", "relying party", ...nonce, "-o", "json"];
    const verified = await shelter(...args);
    assert.deepEqual([verified.code, /ERR_EAR_STATUS/u.test(verified.stderr)], [5, true], verified.stderr);
    const { status, claims: ear } = JSON.parse(verified.stdout) as EarResult;
    const hash = boundKey?.hash.replace("sha-256:", "") ?? "";
    const kid = `ni:///sha-256;${Buffer.from(hash, "hex").toString("base64url")}`;
    assert.deepEqual([status, ear.cnf], ["contraindicated", { kid }]);
    assert.equal((await shelter("explain", tokenFile)).code, 0);
    assert.equal((await attest(...words, "-o", "ear")).stdout.split(".").length, token.split(".").length);
    assert.equal((await attest("--audience", "relying party")).code, 2);
  });

  it("refuses without a reference: exit 5, and nothing is handed over", async () => {
    const run = await attest("--allow", "simulated", "-o", "json");
    assert.deepEqual([run.code, failedChecks(run)], [5, ["ERR_POLICY_NO_REFERENCE"]]);
    assert.equal(secrets.size, 0);
  });

  it("refuses another measurement: exit 5, and nothing is handed over", async () => {
    await record(measurements.other);
    const run = await attest("--allow", "simulated", "-o", "json");
    assert.deepEqual([run.code, failedChecks(run)], [5, ["ERR_POLICY_MEASUREMENT"]]);
    assert.equal(secrets.size, 0);
  });

  it("refuses simulated evidence that nobody allowed: exit 5, and nothing is handed over", async () => {
    await record(measurements.payroll);
    const run = await attest("-o", "json");
    assert.deepEqual([run.code, failedChecks(run)], [5, ["ERR_POLICY_SIMULATED"]]);
    assert.match((await attest()).stdout, /✗ simulated .*REFUSED/su);
    assert.equal(secrets.size, 0);
  });

  it("refuses evidence under a root that it does not trust: exit 3", async () => {
    await record(measurements.payroll);
    const args = ["attest", "--via", via, "payroll", "--state", state, "--allow", "simulated", "-o", "json"];
    const run = await shelter(...args, "--secret", `table=${secretFile}`);
    assert.equal(run.code, 3);
    assert.ok(failedChecks(run).includes("ERR_TRUST_ANCHOR"));
    assert.equal(secrets.size, 0);
  });

  it("is not diverted by a lying router to another workload: exit 3", async () => {
    // Both measurements are welcome, so that nothing but the name can give the diversion away.
    await record(measurements.payroll);
    await record(measurements.other);
    const upgrade = async (_request: unknown, client: Duplex, head: Buffer): Promise<void> => {
      const workload: Socket = connect(join(directory, "rune/0123456789abcdef/other-1/attest.sock"));
      workload.on("error", () => client.destroy());
      client.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: inclavare-tunnel\r\n\r\n");
      client.unshift(head);
      client.pipe(workload).pipe(client);
    };
    await using liar = await serve(0, await createIdentity({ now: new Date() }), {
      handle: () => assert.fail(),
      upgrade,
    });
    const address = liar.server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const args = ["--trust", rootFile, "--state", state, "--allow", "simulated", "--secret", `table=${secretFile}`];
    const run = await shelter("attest", "--via", `127.0.0.1:${port}`, "payroll", ...args, "-o", "json");
    assert.deepEqual([run.code, failedChecks(run)], [3, ["ERR_TLS_PROOF_WORKLOAD"]]);
    assert.equal(secrets.size, 0);
  });

  it("shows the workload the key that `shelter key` names, and reports a workload that does not know it", async () => {
    await record(measurements.payroll);
    const { stdout } = await shelter("key", "--state", state);
    assert.match(stdout, /^[0-9a-f]{64}\n$/u);
    verifiers = [stdout.trim()];
    assert.equal((await attest("--allow", "simulated")).code, 0);
    verifiers = ["00".repeat(32)];
    const run = await attest("--allow", "simulated");
    assert.equal(run.code, 1);
    assert.match(run.stderr, /ERR_VERIFIER_UNKNOWN/u);
  });

  it("exits 1 where there is no such workload, no such container, and nobody at all", async () => {
    await record(measurements.payroll);
    const common = ["--trust", rootFile, "--state", state, "--timeout", "10"];
    const missing = await shelter("attest", "--via", via, "nobody", ...common);
    assert.deepEqual([missing.code, /ERR_WORKLOAD_NOT_FOUND/u.test(missing.stderr)], [1, true], missing.stderr);
    const container = await attest("--container", "payroll-9");
    assert.deepEqual([container.code, /ERR_WORKLOAD_NOT_FOUND/u.test(container.stderr)], [1, true], container.stderr);
    const unreachable = await shelter("attest", "--via", "127.0.0.1:1", "payroll", ...common);
    assert.deepEqual(
      [unreachable.code, /ERR_TLS_UNREACHABLE/u.test(unreachable.stderr)],
      [1, true],
      unreachable.stderr,
    );
  });

  for (const [what, args] of [
    ["no --via", ["attest", "payroll"]],
    ["no workload", ["attest", "--via", "127.0.0.1:1"]],
    ["an address that is none", ["attest", "--via", "here", "payroll"]],
    ["an allowance that nobody knows", ["attest", "--via", "127.0.0.1:1", "payroll", "--allow", "anything"]],
    ["a secret without a file", ["attest", "--via", "127.0.0.1:1", "payroll", "--secret", "table"]],
    ["a secret named like a path", ["attest", "--via", "127.0.0.1:1", "payroll", "--secret", "../x=/dev/null"]],
    ["a measurement that is none", ["reference", "add", "payroll", "--mrenclave", "00"]],
    ["no measurement", ["reference", "add", "payroll"]],
  ] as const) {
    it(`exits 2 on ${what}`, async () => {
      const run = await shelter(...args, "--state", state);
      assert.equal(run.code, 2, run.stderr);
    });
  }

  it("keeps its state to itself, and refuses a state that is open to others", async () => {
    const fresh = join(state, "fresh");
    assert.equal((await shelter("key", "--state", fresh)).code, 0);
    await shelter("reference", "list", "--state", fresh);
    assert.equal(statSync(fresh).mode & 0o777, 0o700);
    assert.equal((await shelter("key", "jwks", "--state", fresh)).code, 0);
    for (const file of ["client-key.pem", "token-key.pem", "shelter.sqlite"])
      assert.equal(statSync(join(fresh, file)).mode & 0o777, 0o600);
    assert.match(readFileSync(join(fresh, "client-key.pem"), "utf8"), /PRIVATE KEY/u);
    mkdirSync(join(state, "open"), { mode: 0o755 });
    const run = await shelter("key", "--state", join(state, "open"));
    assert.deepEqual([run.code, /ERR_STATE_DIRECTORY/u.test(run.stderr)], [1, true]);
  });
});
