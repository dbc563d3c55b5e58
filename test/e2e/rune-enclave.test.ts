import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, symlinkSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeEvidenceMessage, trustAnchorsFromPem, verifyEvidence } from "@inclavare/attestation";
import {
  connectEnclaveTls,
  createHttpClient,
  createIdentity,
  type HttpClient,
  type Identity,
} from "@inclavare/enclave-tls";
import type { EnclaveManifest } from "@inclavare/enclave-image";
import { probeProgram } from "../support/probe-program.ts";
import { MANIFEST, teeImage } from "../support/tee-image.ts";
import { Terminal } from "../support/terminal.ts";
import { BIN, cannotRun, type MutableSpec, Testbed } from "../support/testbed.ts";

/** Unique on the machine: by default runc names cgroups after the id alone. */
const ID = `e2etee${process.pid}x`;
let bed: Testbed;
let program: Uint8Array;
let names = 0;
const id = (): string => `${ID}${names++}`;

/** A bundle of a TEE image with the given changes of the manifest, asked for with `args`. */
async function bundle(
  manifest: Partial<EnclaveManifest>,
  args: readonly string[] = [],
  edit: (spec: MutableSpec) => void = () => undefined,
): Promise<string> {
  return bed.bundle(`bundle-${names++}`, await teeImage(program, manifest), (spec) => {
    spec.annotations = { "enclave.type": "simulated", "enclave.runtime.path": "wasm" };
    spec.process.args = ["/app.wasm", ...args];
    edit(spec);
  });
}

function createAndStart(folder: string): { container: string; output: () => string } {
  const container = id();
  const { status, output } = bed.runeDetached(`${container}.out`, "create", "-b", folder, container);
  assert.equal(status, 0, output());
  assert.equal(bed.rune("start", container).status, 0);
  return { container, output };
}

/** An attested HTTP client of a container's enclave; its evidence has been verified under the platform's own root. */
async function attest(container: string, identity: Identity): Promise<HttpClient> {
  const socket = bed.find(container, "attest.sock");
  const root = execFileSync(join(BIN, "attesterd"), ["root"], { env: bed.env });
  const trustAnchors = trustAnchorsFromPem(root.toString());
  const session = await connectEnclaveTls(connect(socket), {
    identity,
    timeoutMs: 20_000,
    peer: {
      evidence: "required",
      appraise: (evidence, claims, claimsBytes) => {
        const bytes = encodeEvidenceMessage({ evidence, claims: claimsBytes });
        const nonce = claims.nonce === undefined ? {} : { nonce: claims.nonce };
        const allow = ["simulated", "no-reference"] as const;
        const input = { bytes, trustAnchors, now: new Date(), allow, evidenceOnly: false, ...nonce };
        return Promise.resolve(verifyEvidence(input));
      },
    },
  });
  assert.equal(session.peer.verdict?.verdict, "accepted");
  assert.equal(session.peer.verdict.measurement?.debug, false);
  assert.equal(session.peer.claims?.workload, "probe");
  return createHttpClient(session);
}

describe("TEE images", { skip: cannotRun() }, () => {
  before(async () => {
    program = await probeProgram();
    bed = await Testbed.create("tee");
  });
  after(async () => {
    assert.deepEqual(await bed.close(ID), []);
  });

  describe("the manifest decides what reaches the application", () => {
    it("fixed arguments and variables run, a variable that it does not name stays outside", async () => {
      const manifest = { args: { fixed: ["env"] }, env: { fixed: { A: "1" }, fromOutside: ["B"] } };
      const folder = await bundle(manifest, ["env"], (spec) => (spec.process.env = ["A=1", "B=2", "LD_PRELOAD=/x"]));
      const { stdout, status, stderr } = bed.rune("run", "-b", folder, id());
      assert.deepEqual([status, stdout], [0, "A=1\nB=2\n"], stderr);
    });

    for (const [what, args, edit] of [
      ["other arguments", ["exit", "8"], undefined],
      ["another value of a fixed variable", ["exit", "7"], (spec: MutableSpec) => (spec.process.env = ["A=2"])],
      ["another directory", ["exit", "7"], (spec: MutableSpec) => (spec.process["cwd"] = "/tmp")],
    ] as const) {
      it(`${what}: ERR_MANIFEST_FORBIDS`, async () => {
        const manifest = { args: { fixed: ["exit", "7"] }, env: { fixed: { A: "1" }, fromOutside: [] } };
        const container = id();
        const { status, stderr } = bed.rune("run", "-b", await bundle(manifest, args, edit), container);
        assert.equal(status, 1);
        assert.match(stderr, /ERR_MANIFEST_FORBIDS/u);
        assert.deepEqual(bed.traces(container), []);
      });
    }

    it("no stdin, no exec, and only the signals that it lists", async () => {
      const quiet = await bundle({ args: { fixed: ["cat"] } }, ["cat"]);
      assert.equal(bed.runeWith({ input: "from outside" }, "run", "-b", quiet, id()).stdout, "");
      const { container } = createAndStart(await bundle({ args: { fixed: ["sleep"] } }, ["sleep"]));
      const exec = bed.rune("exec", container, "/app.wasm", "exit", "0");
      assert.deepEqual([exec.status, /ERR_EXEC_FORBIDDEN/u.test(exec.stderr)], [255, true], exec.stderr);
      assert.match(bed.rune("kill", container, "USR1").stderr, /ERR_SIGNAL_FORBIDDEN/u);
      assert.equal(bed.rune("kill", container, "TERM").status, 0);
      await bed.until(container, "stopped");
      assert.equal(bed.rune("delete", container).status, 0);
    });
  });

  describe("rune attest", () => {
    const NONCE = "00112233445566778899aabbccddeeff";
    let container = "";
    const verify = (file: string, nonce: string): ReturnType<typeof spawnSync> => {
      writeFileSync(bed.path("root.pem"), execFileSync(join(BIN, "attesterd"), ["root"], { env: bed.env }));
      const allowed = ["simulated", "no-reference"].flatMap((word) => ["--allow", word]);
      const words = ["verify", file, "--trust", bed.path("root.pem"), "--nonce", nonce, ...allowed, "-o", "json"];
      return spawnSync(join(BIN, "shelter"), words, { encoding: "utf8", env: bed.env });
    };

    before(async () => ({ container } = createAndStart(await bundle({ args: { fixed: ["sleep"] } }, ["sleep"]))));
    after(() => bed.rune("delete", "--force", container));

    it("gives evidence over the verifier's nonce, for that purpose and no other", () => {
      const file = bed.path("evidence.cbor");
      const { status, stderr } = bed.rune("attest", "--nonce", NONCE, "-o", file, container);
      assert.equal(status, 0, stderr);
      const { status: verified, stdout } = verify(file, NONCE);
      assert.equal(verified, 0, String(stdout));
      const { claims, measurement } = JSON.parse(String(stdout)) as {
        claims: Record<string, unknown>;
        measurement: { debug: boolean };
      };
      assert.equal(measurement.debug, false);
      assert.match(JSON.stringify(claims), /"nonce"/u);
      assert.equal(verify(file, "ff".repeat(16)).status, 5);
    });

    it("makes a nonce where none is given, and says which", () => {
      const file = bed.path("random.cbor");
      const { stderr } = bed.rune("attest", "-o", file, container);
      const nonce = /^nonce: ([0-9a-f]{64})$/mu.exec(stderr)?.[1] ?? "";
      assert.equal(verify(file, nonce).status, 0);
    });

    it("refuses a nonce that is none, and what is not there", () => {
      assert.match(bed.rune("attest", "--nonce", "xyz", container).stderr, /ERR_NONCE/u);
      assert.match(bed.rune("attest", "nobody").stderr, /container does not exist/u);
      assert.match(bed.rune("attest").stderr, /requires exactly 1 argument/u);
      assert.match(bed.rune("attest", "--help").stdout, /rune attest/u);
    });
  });

  describe("an altered image does not start", () => {
    for (const [what, name, alter] of [
      [
        "another version in the manifest",
        "enclave.json",
        (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace('"svn":2', '"svn":3')),
      ],
      ["a page more of the application", "app.img", (path: string) => appendFileSync(path, Buffer.alloc(4096))],
      [
        "a byte of the signature",
        "sigstruct.bin",
        (path: string) => writeFileSync(path, readFileSync(path).fill(1, 960, 961)),
      ],
      ["no signature", "sigstruct.bin", (path: string) => rmSync(path)],
    ] as const) {
      it(what, async () => {
        const folder = await bundle({});
        alter(join(folder, "rootfs", ".enclave", name));
        const container = id();
        const { status, stderr } = bed.rune("run", "-b", folder, container);
        assert.equal(status, 1);
        assert.match(stderr, /\((?:ERR_SGX_\w+|ERR_APP_IMAGE|ERR_MANIFEST|ERR_ENCLAVE_FILES|ERR_LAUNCH)\)/u);
        assert.deepEqual(bed.traces(container), []);
      });
    }

    it("a link in place of the folder: ERR_ENCLAVE_FILES", async () => {
      const folder = await bundle({});
      const enclave = join(folder, "rootfs", ".enclave");
      rmSync(enclave, { recursive: true });
      symlinkSync("/tmp", enclave);
      assert.match(bed.rune("run", "-b", folder, id()).stderr, /ERR_ENCLAVE_FILES/u);
    });
  });

  describe("secrets", () => {
    it("start the application when they have arrived from a verifier, and from nobody else", async () => {
      const verifier = await createIdentity({ now: new Date() });
      const manifest = {
        args: { fixed: ["exit", "7"] },
        secrets: [{ name: "key", path: "/secrets/key" }],
        verifiers: [Buffer.from(verifier.spkiSha256).toString("hex")],
      };
      const { container } = createAndStart(await bundle(manifest, ["exit", "7"]));
      const put = { method: "PUT", path: "/v1/secrets/key", body: Buffer.from("s3cret"), timeoutMs: 10_000 } as const;
      const look = { method: "GET", path: "/v1/identity", timeoutMs: 10_000 } as const;
      {
        using stranger = await attest(container, await createIdentity({ now: new Date() }));
        const seen = (await stranger.requestJson(look)) as { workload: string; waitingForSecrets: string[] };
        assert.deepEqual([seen.workload, seen.waitingForSecrets], [MANIFEST.workload, ["key"]]);
        await assert.rejects(stranger.request(put), { code: "ERR_VERIFIER_UNKNOWN" });
      }
      assert.equal((JSON.parse(bed.rune("state", container).stdout) as { status: string }).status, "running");
      using client = await attest(container, verifier);
      assert.equal((await client.request(put)).status, 204);
      await bed.until(container, "stopped");
      assert.equal(bed.rune("delete", container).status, 0);
    });

    it("that never come leave a container that can be ended", async () => {
      const manifest = { secrets: [{ name: "key", path: "/secrets/key" }], verifiers: ["0".repeat(64)] };
      const { container } = createAndStart(await bundle(manifest));
      assert.equal(bed.rune("kill", container, "TERM").status, 0);
      await bed.until(container, "stopped");
      assert.equal(bed.rune("delete", container).status, 0);
    });
  });

  describe("a terminal", () => {
    it("is the application's, and its interrupt key reaches it as SIGINT", async () => {
      const manifest = { args: { fixed: ["write"] }, stdin: true, signals: ["INT"] };
      const folder = await bundle(manifest, ["write"], (spec) => (spec.process.terminal = true));
      const console = bed.path("console.sock");
      const incoming = Terminal.listen(console);
      const container = id();
      const { status, output } = bed.runeDetached(
        "tty.out",
        "create",
        "-b",
        folder,
        "--console-socket",
        console,
        container,
      );
      assert.equal(status, 0, output());
      using terminal = incoming.received();
      assert.equal(bed.rune("start", container).status, 0);
      assert.match(await terminal.read(), /^alive\r\n/u);
      terminal.press("\u0003");
      await bed.until(container, "stopped");
      assert.equal(bed.rune("delete", "--force", container).status, 0);
    });
  });
});
