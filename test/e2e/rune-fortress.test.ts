import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isInclavareError, type JsonValue } from "@inclavare/errors";
import {
  ALL_CATCHABLE_SIGNALS,
  connectUnix,
  encodeMessage,
  readMessageSync,
  sendWithDescriptors,
  signalName,
} from "@inclavare/linux";
import { Probes } from "../support/probes.ts";
import { cannotRun, type MutableSpec } from "../support/testbed.ts";

let probes: Probes;

describe("rune when things go wrong", { skip: cannotRun() }, () => {
  before(async () => (probes = await Probes.create("fortress")));
  after(async () => await probes.close());

  describe("init-runelet", () => {
    it("takes any message on its control socket without harm", async () => {
      const { container } = probes.started(["sleep"]);
      const path = probes.file(container, "control.sock");
      const answers: JsonValue[] = [];
      const message = (value: JsonValue): Buffer => encodeMessage(value);
      for (const bytes of [
        Buffer.from("GET / HTTP/1.1\r\n\r\n"),
        Buffer.from("ffffffff00", "hex"),
        Buffer.from("00000004", "hex"),
        Buffer.concat([Buffer.from("00000003", "hex"), Buffer.from("{,}")]),
        message(null),
        message({ op: "dance" }),
        message({ op: "init", request: {} }),
        message({ op: "start" }),
        message({ op: "kill", signal: -1 }),
        message({ op: "exec", process: { args: ["a\0b"], env: [], cwd: "/" } }),
        Buffer.concat(Array.from({ length: 100 }, () => message({ op: "state" }))),
        Buffer.concat([
          message({ op: "exec", process: { args: ["/app.wasm"], env: [], cwd: "/" } }),
          Buffer.from("Fxyz"),
        ]),
      ]) {
        const descriptor = connectUnix(path, { timeoutMs: 1000 });
        sendWithDescriptors(descriptor, bytes, [0, 1, 2]);
        try {
          answers.push(readMessageSync(descriptor, { timeoutMs: 500 }));
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_PEER_CLOSED") || isInclavareError(error, "ERR_DEADLINE"));
        }
        closeSync(descriptor);
      }
      assert.equal(answers.length, 7, JSON.stringify(answers));
      assert.equal(probes.bed.rune("exec", container, "/app.wasm", "exit", "5").status, 5);
      probes.remove(container);
    });

    it("takes nothing from the image's environment", async () => {
      const evil = (spec: MutableSpec): void => {
        spec.process.env = ["NODE_OPTIONS=--require=/evil.js", "LD_PRELOAD=/evil.so"];
      };
      const container = probes.id();
      const folder = probes.bundle(["env"], evil);
      writeFileSync(join(folder, "rootfs", "evil.js"), "process._rawDebug('evil ran'); process.exit(66)");
      const { status, stdout, stderr } = probes.bed.rune("run", "-b", folder, container);
      assert.equal(status, 0, stderr);
      assert.equal(stdout, "LD_PRELOAD=/evil.so\nNODE_OPTIONS=--require=/evil.js\n");
      assert.doesNotMatch(stderr, /evil ran/u);
    });

    it("survives every catchable signal and opens no debugger", async () => {
      const { container, output } = probes.started(["sleep"]);
      const { pid } = probes.state(container);
      for (const signal of ALL_CATCHABLE_SIGNALS)
        assert.equal(probes.bed.runc("kill", container, String(signal)).status, 0, signalName(signal));
      const listening = readFileSync(`/proc/${pid}/net/tcp`, "utf8");
      assert.doesNotMatch(listening, /:240D /u, "V8's debugger listens on port 9229");
      assert.equal(probes.state(container).status, "running");
      const exec = probes.bed.rune("exec", container, "/app.wasm", "exit", "5");
      assert.equal(exec.status, 5, exec.stderr);
      assert.equal(output(), "");
      probes.remove(container);
    });

    it("runs as a user without rights, and leaves the application's limit of address space to it", () => {
      const edit = (spec: MutableSpec): void => {
        spec.process["user"] = { uid: 1000, gid: 1000 };
        spec.process["capabilities"] = {};
        spec.process["rlimits"] = [{ type: "RLIMIT_AS", hard: 1 << 28, soft: 1 << 28 }];
      };
      const { status, stderr } = probes.bed.rune("run", "-b", probes.bundle(["exit", "4"], edit), probes.id());
      assert.equal(status, 4, stderr);
    });
  });

  describe("refusals", () => {
    const refused = (folder: string, code: string): void => {
      const container = probes.id();
      const log = probes.bed.path("log.json");
      const words = [
        "--log",
        log,
        "--log-format",
        "json",
        "create",
        "--bundle",
        folder,
        "--pid-file",
        probes.bed.path("x.pid"),
      ];
      const { status, stderr } = probes.bed.rune(...words, container);
      assert.equal(status, 1, stderr);
      const errors = readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { level: string; msg: string })
        .filter(({ level }) => level === "error");
      assert.match(errors.at(-1)?.msg ?? "", new RegExp(`\\(${code}\\)$`, "u"));
      assert.equal(existsSync(probes.bed.path("x.pid")), false);
      assert.deepEqual(probes.bed.traces(container), []);
    };

    for (const [what, code, annotations] of [
      ["a built-in runtime on SGX", "ERR_RUNTIME_UNSUITABLE", { "enclave.type": "intelSgx" }],
      ["a TEE that the machine lacks", "ERR_TEE_UNAVAILABLE", { "enclave.type": "intelTdx" }],
      ["an unknown type", "ERR_REQUEST_VALUE", { "enclave.type": "sgx" }],
      ["a library that is not allowed", "ERR_RUNTIME_NOT_ALLOWED", { "enclave.runtime.path": "/tmp/liberpal.so" }],
    ] as const) {
      it(`${what}: ${code}`, () =>
        refused(
          probes.bundle([], (spec) => Object.assign(spec.annotations, annotations)),
          code,
        ));
    }

    it("a pids.limit that is too small: ERR_PIDS_LIMIT", () =>
      refused(
        probes.bundle([], (spec) => (spec.linux["resources"] = { pids: { limit: 4 } })),
        "ERR_PIDS_LIMIT",
      ));

    it("what runc refuses, in runc's words", () => {
      const edit = (spec: MutableSpec): void =>
        void (spec.mounts = [...spec.mounts, { destination: "/x", type: "nofs" }]);
      const container = probes.id();
      const { status, stderr } = probes.bed.rune("create", "-b", probes.bundle([], edit), container);
      assert.equal(status, 1);
      assert.match(stderr, /runc create failed: .*error mounting .*no such device/u);
      assert.deepEqual(probes.bed.traces(container), []);
    });

    it("no attesterd: ERR_ATTESTERD_UNREACHABLE with the command that starts it", () => {
      const config = probes.bed.path("other.toml");
      writeFileSync(
        config,
        readFileSync(probes.bed.path("config.toml"), "utf8").replace("attesterd.sock", "nobody.sock"),
      );
      const container = probes.id();
      const { status, stderr } = probes.bed.runeWith(
        { env: { INCLAVARE_CONFIG: config } },
        "run",
        "-b",
        probes.bundle([]),
        container,
      );
      assert.equal(status, 1);
      assert.match(stderr, /attesterd serve.*ERR_ATTESTERD_UNREACHABLE/u);
      assert.deepEqual(probes.bed.traces(container), []);
    });

    it("a plain container where the operator requires enclaves: ERR_ENCLAVE_REQUIRED, but not a pod's sandbox", () => {
      const config = probes.bed.path("strict.toml");
      writeFileSync(
        config,
        readFileSync(probes.bed.path("config.toml"), "utf8").replace("[rune]", "[rune]\nrequire_enclave = true"),
      );
      const env = { INCLAVARE_CONFIG: config };
      const plain = probes.bundle([], (spec) => (spec.annotations = {}));
      assert.match(probes.bed.runeWith({ env }, "run", "-b", plain, probes.id()).stderr, /ERR_ENCLAVE_REQUIRED/u);
      const sandbox = probes.bundle([], (spec) => {
        spec.annotations = { "io.kubernetes.cri.container-type": "sandbox" };
        spec.process.args = ["/busybox", "true"];
      });
      const { stderr } = probes.bed.runeWith({ env }, "run", "-b", sandbox, probes.id());
      assert.match(stderr, /runc run failed: .*stat \/busybox: no such file/u);
    });
  });

  it("the operator's default is what a container gets that asks for nothing, but not a pod's sandbox", () => {
    const config = probes.bed.path("default.toml");
    const table = '[rune.default_enclave]\ntype = "simulated"\nruntime = "wasm"\n';
    writeFileSync(config, `${readFileSync(probes.bed.path("config.toml"), "utf8")}\n${table}`);
    const env = { INCLAVARE_CONFIG: config };
    const asksNothing = probes.bundle(["exit", "7"], (spec) => (spec.annotations = {}));
    assert.equal(probes.bed.runeWith({ env }, "run", "-b", asksNothing, probes.id()).status, 7);
    const sandbox = probes.bundle(["exit", "7"], (spec) => {
      spec.annotations = { "io.kubernetes.cri.container-type": "sandbox" };
    });
    assert.match(probes.bed.runeWith({ env }, "run", "-b", sandbox, probes.id()).stderr, /exec format error/u);
  });

  describe("crashes", () => {
    for (const delayMs of [60, 150, 300, 600]) {
      it(`rune killed after ${delayMs} ms of create: delete --force removes everything`, async () => {
        const container = probes.id();
        const words = ["create", "-b", probes.bundle(["sleep"]), container];
        const child = probes.bed.spawnRune(words, { stdio: "ignore" });
        setTimeout(() => child.kill("SIGKILL"), delayMs);
        await once(child, "exit");
        // runc may be at work still; as with runc, whoever deletes during a create may have to repeat it.
        const { status, stderr } = probes.bed.rune("delete", "--force", container);
        assert.equal(status, 0, stderr);
        await new Promise((resolve) => setTimeout(resolve, 500));
        assert.equal(probes.bed.rune("delete", "--force", container).status, 0);
        assert.deepEqual(probes.bed.traces(container), []);
      });
    }

    it("init-runelet killed: stopped, and deleted like any other", async () => {
      const { container } = probes.started(["sleep"]);
      process.kill(probes.state(container).pid, "SIGKILL");
      await probes.bed.until(container, "stopped");
      assert.match(probes.bed.rune("exec", container, "/app.wasm").stderr, /ERR_RUNELET_ENDED|stopped/u);
      assert.equal(probes.bed.rune("delete", container).status, 0);
    });

    it("runc killed before it could write down what it had made: its cgroups go as well", async () => {
      const { container } = probes.created(["sleep"]);
      const { pid } = probes.state(container);
      rmSync(join(probes.bed.path("runc"), container), { recursive: true });
      process.kill(pid, "SIGKILL");
      probes.remove(container);
      assert.deepEqual(probes.bed.traces(container), []);
    });

    it("a record that cannot be read does not make the container immortal", () => {
      const { container } = probes.created(["sleep"]);
      writeFileSync(probes.file(container, "state.json"), "{");
      assert.match(probes.bed.rune("state", container).stderr, /ERR_CONTAINER_RECORD/u);
      probes.remove(container);
      assert.deepEqual(probes.bed.traces(container), []);
    });
  });
});
