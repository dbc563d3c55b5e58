import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, afterEach, before, describe, it } from "node:test";
import {
  createSimulatedAttester,
  launchRequest,
  measureRequest,
  parseLaunchAnswer,
  parseMeasureAnswer,
  trustAnchorsFromPem,
  verifySgxQuote,
} from "@inclavare/attestation";
import {
  buildAppImage,
  createMeasurer,
  deriveManifest,
  encodeManifest,
  type EnclaveManifest,
  enclaveSigningFields,
} from "@inclavare/enclave-image";
import { connectUnix, encodeMessage, readMessageSync, requestSync } from "@inclavare/linux";
import { createSigstruct, generateSigningKey } from "@inclavare/sgx";

const requirement = process.getuid?.() === 0 ? false : "requires root: the platform's keys are root's";
const main = join(import.meta.dirname, "..", "src", "main.ts");
const directory = mkdtempSync(join(tmpdir(), "inclavare-attesterd-"));
const platform = join(directory, "platform");
const payload = join(directory, "payload");
const socket = join(directory, "run", "attesterd.sock");
const signer = generateSigningKey();
const TIMEOUT = { timeoutMs: 10_000 } as const;

const manifest: EnclaveManifest = {
  ...deriveManifest({ entrypoint: ["/main.wasm"], args: [], env: [], cwd: "/", user: { uid: 0, gid: 0 } }),
  workload: "test",
  owner: "tests",
  product: { id: 3, svn: 4 },
};

/** A folder with the three files of an enclave; what is measured and what is signed can be made to differ. */
async function enclave(
  name: string,
  changes: { debug?: boolean; alter?: boolean; signed?: boolean } = {},
): Promise<string> {
  const target = join(directory, name);
  mkdirSync(target, { recursive: true });
  const bytes = encodeManifest({ ...manifest, debug: changes.debug ?? false });
  const content = Buffer.from("a program");
  const owner = { uid: 0, gid: 0, mtimeSeconds: 0 };
  const entry = { path: "/main.wasm", type: "file", mode: 0o644, sizeBytes: content.length, ...owner } as const;
  const root = { path: "/", type: "directory", mode: 0o755, sizeBytes: 0, ...owner } as const;
  const appImage = await buildAppImage([
    { ...root, read: async () => Buffer.alloc(0) },
    { ...entry, read: async () => content },
  ]);
  const { mrEnclave } = createMeasurer(payload).measure({ manifest: bytes, appImage });
  const fields = enclaveSigningFields({ ...manifest, debug: changes.debug ?? false }, mrEnclave, new Date());
  if (changes.alter === true) appImage[appImage.length - 1] = (appImage.at(-1) ?? 0) ^ 1;
  writeFileSync(join(target, "enclave.json"), bytes);
  writeFileSync(join(target, "app.img"), appImage);
  if (changes.signed !== false) writeFileSync(join(target, "sigstruct.bin"), createSigstruct(fields, signer));
  return target;
}

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", timeout: 30_000 });
}

async function serve(): Promise<ChildProcess> {
  const args = ["serve", "--platform", platform, "--payload", payload, "--socket", socket, "--ready-fd", "3"];
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const ready = child.stdio[3] ?? assert.fail();
  const said = text(child.stderr ?? assert.fail());
  await Promise.race([once(ready, "data"), said.then((words) => assert.fail(`attesterd ended: ${words}`))]);
  return child;
}

describe("attesterd", { skip: requirement }, () => {
  let daemon: ChildProcess;
  const open: number[] = [];
  const connect = (): number => {
    const fd = connectUnix(socket, TIMEOUT);
    open.push(fd);
    return fd;
  };
  const launch = (fd: number, enclaveDirectory: string): ReturnType<typeof parseLaunchAnswer> =>
    parseLaunchAnswer({ ok: true, ...requestSync(fd, launchRequest({ container: "c1", enclaveDirectory }), TIMEOUT) });

  before(async () => {
    mkdirSync(payload);
    const program = Buffer.from("payload");
    writeFileSync(join(payload, "runelet.mjs"), program);
    const files = [
      { path: "runelet.mjs", sizeBytes: program.length, sha256: createHash("sha256").update(program).digest("hex") },
    ];
    writeFileSync(
      join(payload, "payload.json"),
      JSON.stringify({ release: "0.1.0", architecture: "x64", node: "v24.0.0", files }),
    );
    assert.equal(run("init", "--platform", platform).status, 0);
    daemon = await serve();
  });
  afterEach(() => open.splice(0).forEach(closeSync));
  after(async () => {
    const exited = once(daemon, "exit");
    daemon.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
    assert.equal(existsSync(socket), false, "the socket is removed");
    rmSync(directory, { recursive: true, force: true });
  });

  it("listens where only root comes", () => assert.equal(statSync(socket).mode & 0o777, 0o600));

  it("creates a platform once, and prints its root", () => {
    const second = run("init", "--platform", platform);
    assert.equal(second.status, 1);
    assert.match(second.stderr, /ERR_SGX_PLATFORM/u);
    assert.match(run("root", "--platform", platform).stdout, /^-----BEGIN CERTIFICATE-----/u);
  });

  it("measures what lies there, and gives evidence of it", async () => {
    const where = await enclave("good");
    const stream = createConnection(socket);
    stream.write(encodeMessage(launchRequest({ container: "c1", enclaveDirectory: where })));
    await once(stream, "readable");
    const answer: Buffer = stream.read() as Buffer;
    const identity = parseLaunchAnswer(JSON.parse(answer.subarray(4).toString()));
    assert.deepEqual([identity.isvProdId, identity.isvSvn, identity.debug], [3, 4, false]);
    const attester = createSimulatedAttester(stream);
    assert.deepEqual(await attester.identity(), identity);
    const reportData = new Uint8Array(64).fill(7);
    const { quote, collateral } = await attester.evidence(reportData);
    const trustAnchors = trustAnchorsFromPem(run("root", "--platform", platform).stdout);
    const verified = verifySgxQuote({
      quote,
      ...(collateral === undefined ? {} : { collateral }),
      trustAnchors,
      now: new Date(),
    });
    assert.ok(verified.measurement.tee === "sgx");
    assert.equal(verified.measurement.mrEnclave, identity.mrEnclave);
    assert.deepEqual(Uint8Array.from(verified.reportData), reportData);
    stream.destroy();
  });

  it("launches a debug enclave as one", async () =>
    assert.equal(launch(connect(), await enclave("debug", { debug: true })).debug, true));

  it("lets nothing in that was altered after signing", async () => {
    const where = await enclave("altered", { alter: true });
    assert.throws(() => launch(connect(), where), { code: "ERR_SGX_INVALID_MEASUREMENT" });
  });

  it("lets nothing in that is not signed, is not there, or hides behind a link", async () => {
    const unsigned = await enclave("unsigned", { signed: false });
    assert.throws(() => launch(connect(), unsigned), { code: "ERR_LAUNCH" });
    symlinkSync(join(directory, "good", "sigstruct.bin"), join(unsigned, "sigstruct.bin"));
    assert.throws(() => launch(connect(), unsigned), { code: "ERR_LAUNCH" });
    assert.throws(() => launch(connect(), join(directory, "nowhere")), { code: "ERR_LAUNCH" });
    assert.throws(() => launch(connect(), "good"), { code: "ERR_LAUNCH" });
  });

  it("measures what is not signed yet as it will be launched, and nothing of others", async () => {
    const measure = (where: string): string =>
      Buffer.from(parseMeasureAnswer({ ok: true, ...requestSync(connect(), measureRequest(where), TIMEOUT) })).toString(
        "hex",
      );
    const signed = await enclave("measured");
    assert.equal(measure(signed), launch(connect(), signed).mrEnclave);
    assert.equal(measure(await enclave("before", { signed: false })), measure(signed));
    assert.throws(() => measure(join(directory, "nowhere")), { code: "ERR_LAUNCH" });
    assert.throws(() => requestSync(connect(), { op: "measure" }, TIMEOUT), { code: "ERR_LAUNCH" });
  });

  it("launches once a connection, and gives no evidence before", async () => {
    const where = await enclave("once");
    const fd = connect();
    assert.throws(() => requestSync(fd, { op: "identity" }, TIMEOUT), { code: "ERR_LAUNCH" });
    assert.throws(() => requestSync(fd, { op: "evidence", reportData: "" }, TIMEOUT), { code: "ERR_LAUNCH" });
    launch(fd, where);
    assert.throws(() => launch(fd, where), { code: "ERR_LAUNCH" });
    assert.throws(() => requestSync(fd, { op: "evidence", reportData: "AAAA" }, TIMEOUT), { code: "ERR_LAUNCH" });
  });

  it("answers what it does not understand, and lives on", () => {
    for (const message of [null, [], 7, {}, { op: "dance" }, { op: "launch" }, { op: 7 }]) {
      assert.throws(() => requestSync(connect(), message, TIMEOUT), { code: "ERR_LAUNCH" });
    }
    const fd = connect();
    writeSync(fd, Buffer.from([0xff, 0xff, 0xff, 0xff, 1]));
    assert.match(JSON.stringify(readMessageSync(fd, TIMEOUT)), /ERR_MESSAGE/u);
    assert.throws(() => requestSync(connect(), { op: "identity" }, TIMEOUT), { code: "ERR_LAUNCH" });
  });

  it("leaves a living daemon's socket alone", () => {
    const second = run("serve", "--platform", platform, "--payload", payload, "--socket", socket);
    assert.equal(second.status, 1);
    assert.match(second.stderr, /ERR_ATTESTERD_RUNNING/u);
  });

  it("takes over the socket of a dead one", async () => {
    const exited = once(daemon, "exit");
    daemon.kill("SIGKILL");
    await exited;
    assert.equal(existsSync(socket), true);
    daemon = await serve();
    assert.throws(() => requestSync(connect(), { op: "identity" }, TIMEOUT), { code: "ERR_LAUNCH" });
  });
});
