/** Collateral on the command line: services of ours, the cache and its commands, directories; and what is said when it fails. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { CollateralBundle, Verdict } from "@inclavare/attestation";
import { createSigstruct, generateSigningKey, Measurement, PAGE_FLAGS } from "@inclavare/sgx";
import { createPlatform, type Platform } from "@inclavare/sgx-sim";

const MAIN = join(import.meta.dirname, "..", "src", "main.ts");
const VECTORS = join(import.meta.dirname, "..", "..", "..", "test", "vectors");
const DEADLINE_MS = 60_000;
const directory = mkdtempSync(join(tmpdir(), "shelter-collateral-"));
after(() => rmSync(directory, { recursive: true, force: true }));
let states = 0;

interface Result {
  readonly exit: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function newState(): string {
  states += 1;
  return join(directory, `state-${states}`);
}

async function shelter(...args: readonly string[]): Promise<Result> {
  return await new Promise((resolve) => {
    const options = { timeout: DEADLINE_MS, env: { ...process.env, NODE_COMPILE_CACHE: join(directory, "compiled") } };
    execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      resolve({ exit: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

function failedCodes(stdout: string): (string | undefined)[] {
  const { checks } = JSON.parse(stdout) as Verdict;
  return checks.filter(({ result }) => result === "failed").map(({ code }) => code);
}

interface Row {
  readonly artefact: string;
  readonly state: string;
  readonly notAfter?: string;
  readonly code?: string;
}

/** A certification service for the simulated platform: Intel's paths and headers, root list as a PCCS has it. */
class Service {
  readonly requests: string[] = [];
  readonly #server: Server;
  bundle: CollateralBundle;
  status = 200;

  constructor(bundle: CollateralBundle) {
    this.bundle = bundle;
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      this.requests.push(pathname);
      const answer = this.status === 200 ? this.#answer(pathname.replace("/sgx/certification/v4/", "")) : undefined;
      response.writeHead(answer === undefined ? (this.status === 200 ? 404 : this.status) : 200, answer?.headers);
      response.end(answer?.body);
    });
  }

  #answer(path: string): { body: string | Uint8Array; headers: Record<string, string> } | undefined {
    const { bundle } = this;
    const answers: Readonly<Record<string, { body: string | Uint8Array; headers: Record<string, string> }>> = {
      tcb: {
        body: `{"tcbInfo":${bundle.tcb_info},"signature":"${bundle.tcb_info_signature}"}`,
        headers: { "TCB-Info-Issuer-Chain": encodeURIComponent(bundle.tcb_info_issuer_chain) },
      },
      "qe/identity": {
        body: `{"enclaveIdentity":${bundle.qe_identity},"signature":"${bundle.qe_identity_signature}"}`,
        headers: { "SGX-Enclave-Identity-Issuer-Chain": encodeURIComponent(bundle.qe_identity_issuer_chain) },
      },
      pckcrl: {
        body: Buffer.from(bundle.pck_crl, "hex"),
        headers: { "SGX-PCK-CRL-Issuer-Chain": encodeURIComponent(bundle.pck_crl_issuer_chain) },
      },
      rootcacrl: { body: bundle.root_ca_crl, headers: {} },
    };
    return answers[path];
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

describe("collateral on the command line", () => {
  const quote = join(directory, "quote.bin");
  const root = join(directory, "root.pem");
  const verify = ["verify", quote, "--trust", root, "--evidence-only", "-o", "json"];
  let platform: Platform;
  let service: Service;
  let url: string;

  before(async () => {
    platform = await createPlatform(join(directory, "platform"), { now: new Date() });
    const measurement = Measurement.create({ sizeBytes: 65_536, ssaFrameSize: 1 });
    measurement.addRegion(0, PAGE_FLAGS.rx, Buffer.from("code"));
    const fields = { mrEnclave: measurement.digest(), isvProdId: 1, isvSvn: 1, date: new Date(), debug: false };
    const sigstruct = createSigstruct(fields, generateSigningKey());
    writeFileSync(quote, platform.launch({ measurement, debug: false, sigstruct }).quote(new Uint8Array(64)));
    writeFileSync(root, platform.rootCertificatePem);
    service = new Service(platform.collateral(new Date()));
    url = await service.start();
  });
  after(async () => await service.stop());

  it("from a service once, then from the cache, with a network and without", async () => {
    const state = newState();
    const first = await shelter(...verify, "--pcs", url, "--state", state);
    assert.equal(first.exit, 6, first.stderr);
    const asked = service.requests.length;
    assert.equal(asked, 4);
    for (const more of [["--pcs", url], ["--offline"]]) {
      assert.equal((await shelter(...verify, ...more, "--state", state)).exit, 6);
    }
    assert.equal(service.requests.length, asked);
    assert.equal(statSync(join(state, "collateral")).mode & 0o777, 0o700);
  });

  it("4: a service that fails is named, with its status; so is a cache that has nothing", async () => {
    service.status = 503;
    const failed = await shelter(...verify, "--pcs", url, "--state", newState(), "--service-timeout", "1");
    service.status = 200;
    assert.equal(failed.exit, 4);
    assert.ok(failedCodes(failed.stdout).includes("ERR_COLLATERAL_RATE_LIMIT"));
    assert.match(failed.stdout, /127\.0\.0\.1:\d+\/sgx\/certification\/v4\/tcb .*status 503/u);
    const empty = await shelter(...verify, "--offline", "--state", newState());
    assert.deepEqual([empty.exit, [...new Set(failedCodes(empty.stdout))]], [4, ["ERR_COLLATERAL_MISSING"]]);
  });

  it("4: what is past its date is named, with its date", async () => {
    service.bundle = platform.collateral(new Date("2026-01-15T00:00:00Z"));
    const { exit, stdout } = await shelter(...verify, "--pcs", url, "--state", newState());
    service.bundle = platform.collateral(new Date());
    assert.equal(exit, 4);
    assert.deepEqual(failedCodes(stdout), ["ERR_COLLATERAL_EXPIRED"]);
    assert.match(stdout, /past its date/u);
  });

  it("no network unless it is named", async () => {
    const before = service.requests.length;
    const { exit, stdout } = await shelter(...verify);
    assert.deepEqual([exit, failedCodes(stdout)], [4, ["ERR_COLLATERAL_MISSING"]]);
    assert.equal(service.requests.length, before);
  });

  it("a directory: bundles and files of artefacts; for AMD certificates as they come", async () => {
    const bundles = join(directory, "bundles");
    mkdirSync(bundles);
    writeFileSync(join(bundles, "platform.json"), JSON.stringify(platform.collateral(new Date())));
    copyFileSync(join(VECTORS, "dcap", "sgx-01.collateral.json"), join(bundles, "other.json"));
    assert.equal((await shelter(...verify, "--collateral", bundles)).exit, 6);
    const amd = join(directory, "amd");
    mkdirSync(amd);
    copyFileSync(join(VECTORS, "snp", "chain-milan.pem"), join(amd, "chain"));
    copyFileSync(join(VECTORS, "snp", "milan-v2-a.vek.der"), join(amd, "vcek.der"));
    const report = ["verify", join(VECTORS, "snp", "milan-v2-a.report.bin"), "--evidence-only", "--collateral", amd];
    assert.equal((await shelter(...report, "--time", "2025-06-15T00:00:00Z")).exit, 6);
  });

  it("AMD's service: the genuine VCEK of a recorded report, by chip and TCB", async () => {
    const chain = readFileSync(join(VECTORS, "snp", "chain-milan.pem"));
    const vcek = readFileSync(join(VECTORS, "snp", "milan-v2-a.vek.der"));
    const requests: string[] = [];
    const kds = createServer((request, response) => {
      requests.push(request.url ?? "");
      const isChain = request.url === "/vcek/v1/Milan/cert_chain";
      response.writeHead(isChain || request.url?.includes("blSPL=") === true ? 200 : 404);
      response.end(isChain ? chain : vcek);
    });
    kds.listen(0, "127.0.0.1");
    await once(kds, "listening");
    const { port } = kds.address() as AddressInfo;
    const report = ["verify", join(VECTORS, "snp", "milan-v2-a.report.bin"), "--evidence-only", "-o", "json"];
    const time = ["--time", "2025-06-15T00:00:00Z"];
    const { exit, stdout } = await shelter(
      ...report,
      ...time,
      "--kds",
      `http://127.0.0.1:${port}`,
      "--state",
      newState(),
    );
    kds.close();
    // This double has no revocation list, and that a wanted one could not be had is no small matter.
    assert.deepEqual([exit, failedCodes(stdout)], [4, ["ERR_COLLATERAL_NOT_FOUND"]]);
    const { checks } = JSON.parse(stdout) as Verdict;
    for (const name of ["vek-chain", "trust-anchor", "report-signature", "tcb-binding", "chip-id"]) {
      assert.equal(checks.find(({ check }) => check === name)?.result, "ok", name);
    }
    assert.equal(requests.length, 3);
  });

  it("2: addresses and words that are none", async () => {
    for (const wrong of [
      ["--kds", "https://user:word@localhost"],
      ["--pcs", url, "--evaluation", "latest"],
    ]) {
      const { exit, stderr } = await shelter(...verify, ...wrong, "--state", newState());
      assert.deepEqual([exit, /ERR_USAGE/u.test(stderr)], [2, true], wrong.join(" "));
    }
  });

  it("fetch, show, export, import, clear", async () => {
    const [online, offline] = [newState(), newState()];
    const trust = ["--trust", root];
    const file = join(directory, "collateral.json");
    assert.equal((await shelter("collateral", "fetch", quote, "--pcs", url, ...trust, "--state", online)).exit, 0);
    const shown = await shelter("collateral", "show", ...trust, "--state", online, "-o", "json");
    const rows = JSON.parse(shown.stdout) as Row[];
    assert.deepEqual(
      rows.map(({ state }) => state),
      ["current", "current", "current", "current"],
    );
    assert.ok(rows.every(({ notAfter }) => notAfter !== undefined && Date.parse(notAfter) > Date.now()));
    const untrusted = await shelter("collateral", "show", "--state", online, "-o", "json");
    assert.ok((JSON.parse(untrusted.stdout) as Row[]).every(({ code }) => code === "ERR_COLLATERAL_REJECTED"));

    assert.equal((await shelter("collateral", "export", file, "--state", online)).exit, 0);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal((await shelter(...verify, "--collateral", file)).exit, 6);
    const refused = await shelter("collateral", "import", file, "--state", offline);
    assert.equal(refused.exit, 4);
    assert.equal((await shelter("collateral", "import", file, ...trust, "--state", offline)).exit, 0);
    assert.equal((await shelter(...verify, "--offline", "--state", offline)).exit, 6);

    assert.equal((await shelter("collateral", "clear", "--state", offline)).exit, 0);
    assert.equal((await shelter(...verify, "--offline", "--state", offline)).exit, 4);
    const bundle = join(directory, "bundle.json");
    writeFileSync(bundle, JSON.stringify(platform.collateral(new Date())));
    assert.equal((await shelter("collateral", "import", bundle, ...trust, "--state", offline)).exit, 0);
    assert.equal((await shelter(...verify, "--offline", "--state", offline)).exit, 6);
  });

  it("import refuses what is past its date, and keeps the rest", async () => {
    const state = newState();
    const file = join(directory, "old.json");
    const [now, then] = [platform.collateral(new Date()), platform.collateral(new Date("2026-01-15T00:00:00Z"))];
    const { tcb_info, tcb_info_signature } = then;
    writeFileSync(file, JSON.stringify({ ...now, tcb_info, tcb_info_signature }));
    const { exit, stdout } = await shelter(
      "collateral",
      "import",
      file,
      "--trust",
      root,
      "--state",
      state,
      "-o",
      "json",
    );
    assert.equal(exit, 4);
    assert.deepEqual(
      (JSON.parse(stdout) as Row[]).map((row) => row.state),
      ["expired", "current", "current", "current"],
    );
    const { stdout: shown } = await shelter("collateral", "show", "--trust", root, "--state", state, "-o", "json");
    assert.equal((JSON.parse(shown) as Row[]).length, 3);
  });
});
