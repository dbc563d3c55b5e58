import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isInclavareError, type JsonValue } from "@inclavare/errors";
import {
  ALL_CATCHABLE_SIGNALS,
  connectUnix,
  encodeMessage,
  readMessageSync,
  sendWithDescriptors,
  setChildSubreaper,
  signalName,
} from "@inclavare/linux";
import { probeProgram } from "../support/probe-program.ts";
import { compile } from "../support/compile.ts";
import { reaped } from "../support/reaped.ts";
import { Terminal } from "../support/terminal.ts";
import { BIN, cannotRun, type MutableSpec, Testbed } from "../support/testbed.ts";

/** Prints which signals are blocked and ignored, and ends with status 9. */
const SHOW_SIGNALS = `
#include <stdio.h>
#include <string.h>
int main(void) {
  char line[256];
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0) fputs(line, stdout);
  return 9;
}`;

const ENCLAVE = { "enclave.type": "simulated", "enclave.runtime.path": "wasm" };
/** Unique on the machine: by default runc names cgroups after the id alone. */
const ID = `e2erune${process.pid}x`;
let bed: Testbed;
let program: Uint8Array;
let names = 0;

/** A bundle of an ordinary image with the probe program, which asks for an enclave. */
function bundle(args: readonly string[], edit: (spec: MutableSpec) => void = () => undefined): string {
  return bed.bundle(`bundle-${names++}`, { "app.wasm": program }, (spec) => {
    spec.annotations = { ...ENCLAVE };
    spec.process.args = ["/app.wasm", ...args];
    spec.root.readonly = true;
    edit(spec);
  });
}

const id = (): string => `${ID}${names++}`;

function stateOf(container: string): { status: string; bundle: string; pid: number } {
  const { stdout, stderr } = bed.rune("state", container);
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as { status: string; bundle: string; pid: number };
}

/** A created container whose output goes to a file. */
function create(
  args: readonly string[],
  edit?: (spec: MutableSpec) => void,
): { container: string; output: () => string } {
  const container = id();
  const { status, output } = bed.runeDetached(`${container}.out`, "create", "-b", bundle(args, edit), container);
  assert.equal(status, 0, output());
  return { container, output };
}

function start(container: string): void {
  const { status, stderr } = bed.rune("start", container);
  assert.equal(status, 0, stderr);
}

function remove(container: string): void {
  const { status, stderr } = bed.rune("delete", "--force", container);
  assert.equal(status, 0, stderr);
}

/** Every file below a folder with mode and contents. */
function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()) {
    const stats = statSync(join(folder, name));
    hash.update(`${name} ${stats.mode} ${stats.isFile() ? readFileSync(join(folder, name), "latin1") : ""}\n`);
  }
  return hash.digest("hex");
}

describe("rune", { skip: cannotRun() }, () => {
  before(async () => {
    program = await probeProgram();
    bed = await Testbed.create("rune");
  });
  after(async () => {
    assert.deepEqual(await bed.close(ID), []);
  });

  describe("run", () => {
    for (const code of [0, 7, 255]) {
      it(`ends with the application's exit code ${code}`, () => {
        const { status, stderr } = bed.rune("run", "-b", bundle(["exit", String(code)]), id());
        assert.equal(status, code, stderr);
      });
    }

    it("gives the application its arguments, stdin and stdout, and takes the request out of its environment", () => {
      const args = ["args", "a b", "", "--x=*"];
      assert.equal(bed.rune("run", "-b", bundle(args), id()).stdout, ["/app.wasm", ...args, ""].join("\n"));
      const input = "line one\nline two";
      assert.equal(bed.runeWith({ input }, "run", "-b", bundle(["cat"]), id()).stdout, input);
      const inVariables = bundle(["env"], (spec) => {
        spec.annotations = {};
        spec.process.env = ["A=1 2", "ENCLAVE_TYPE=simulated", "ENCLAVE_RUNTIME_PATH=wasm"];
      });
      assert.equal(bed.rune("run", "-b", inVariables, id()).stdout, "A=1 2\n");
    });

    it("passes signals on and ends with 128 + signal", async () => {
      const container = id();
      const child = bed.spawnRune(["run", "-b", bundle(["spin"]), container], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      await bed.until(container, "running");
      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "exit"), [143, null]);
      assert.match(bed.rune("state", container).stderr, /container does not exist/u);
    });

    it("keeps the container with --keep, and returns at once with --detach", async () => {
      const kept = id();
      assert.equal(bed.rune("run", "--keep", "-b", bundle(["exit", "3"]), kept).status, 3);
      assert.equal(stateOf(kept).status, "stopped");
      assert.equal(bed.rune("delete", kept).status, 0);
      const detached = id();
      assert.equal(bed.runeDetached("run.out", "run", "-d", "-b", bundle(["sleep"]), detached).status, 0);
      assert.equal(stateOf(detached).status, "running");
      remove(detached);
    });
  });

  describe("life of a container", () => {
    it("walks created, running, stopped, with the caller's bundle, and is deleted once", async () => {
      const container = id();
      const folder = bundle(["sleep"]);
      const before = fingerprint(folder);
      const pidFile = bed.path("pid");
      const made = bed.runeDetached("life.out", "create", "-b", folder, "--pid-file", pidFile, container);
      assert.equal(made.status, 0, made.output());
      const created = stateOf(container);
      assert.deepEqual([created.status, created.bundle], ["created", folder]);
      assert.equal(created.pid, Number(readFileSync(pidFile, "utf8")));
      assert.match(bed.rune("list").stdout, new RegExp(`^${container} +${created.pid} +created +${folder} `, "mu"));
      assert.equal(bed.rune("create", "-b", folder, container).status, 1);
      start(container);
      assert.equal(stateOf(container).status, "running");
      assert.match(bed.rune("start", container).stderr, /cannot start an already running container/u);
      assert.deepEqual(JSON.parse(bed.rune("ps", "--format", "json", container).stdout), [created.pid]);
      assert.match(bed.rune("delete", container).stderr, /cannot delete container .* that is not stopped: running/u);
      assert.equal(bed.rune("kill", container, "TERM").status, 0);
      await bed.until(container, "stopped");
      assert.match(bed.rune("kill", container, "TERM").stderr, /container not running/u);
      assert.equal(bed.rune("kill", "--all", container, "TERM").status, 0);
      assert.equal(bed.rune("delete", container).status, 0);
      const again = bed.rune("delete", container);
      assert.deepEqual([again.status, /container does not exist/u.test(again.stderr)], [1, true]);
      assert.equal(bed.rune("delete", "--force", container).status, 0);
      assert.equal(fingerprint(folder), before, "the caller's bundle was changed");
    });

    it("is killed before its start as the kernel would, and deleted without --force when created", async () => {
      const { container } = create(["exit", "0"]);
      assert.equal(bed.rune("kill", container, "TERM").status, 0);
      await bed.until(container, "stopped");
      remove(container);
      const other = create(["exit", "0"]).container;
      assert.equal(bed.rune("delete", other).status, 0);
    });

    it("refuses a signal that does not exist, in runc's words", () => {
      const { container } = create(["sleep"]);
      assert.match(bed.rune("kill", container, "FOO").stderr, /unknown signal \\"FOO\\"/u);
      remove(container);
    });

    it("leaves its container to the caller's subreaper", async () => {
      setChildSubreaper(true);
      try {
        for (const [args, signal, expected] of [
          [["exit", "7"], undefined, { code: 7 }],
          [["spin"], "TERM", { code: 143 }],
          [["sleep"], "KILL", { signal: 9 }],
        ] as const) {
          const { container } = create(args);
          const exit = reaped(stateOf(container).pid);
          start(container);
          if (signal !== undefined) assert.equal(bed.rune("kill", container, signal).status, 0);
          assert.deepEqual(await exit, { code: undefined, signal: undefined, ...expected });
          remove(container);
        }
      } finally {
        setChildSubreaper(false);
      }
    });
  });

  describe("exec", () => {
    it("gives output and exit code, detached as well, and dies with its stand-in", async () => {
      const { container } = create(["sleep"]);
      start(container);
      const args = bed.rune("exec", container, "/app.wasm", "args", "a b");
      assert.equal(args.stdout, "/app.wasm\nargs\na b\n", args.stderr);
      assert.equal(bed.rune("exec", container, "/app.wasm", "exit", "7").status, 7);
      const missing = bed.rune("exec", container, "/none.wasm");
      assert.equal(missing.status, 126);
      setChildSubreaper(true);
      try {
        for (const [words, signal, expected] of [
          [["exit", "7"], undefined, { code: 7 }],
          [["spin"], "SIGTERM", { code: 143 }],
          [["sleep"], "SIGKILL", { signal: 9 }],
        ] as const) {
          const pidFile = bed.path("exec.pid");
          const options = ["--detach", "--pid-file", pidFile];
          const done = bed.runeDetached("exec.out", "exec", ...options, container, "/app.wasm", ...words);
          assert.equal(done.status, 0, done.output());
          const pid = Number(readFileSync(pidFile, "utf8"));
          const exit = reaped(pid);
          if (signal !== undefined) process.kill(pid, signal);
          assert.deepEqual(await exit, { code: undefined, signal: undefined, ...expected });
        }
      } finally {
        setChildSubreaper(false);
      }
      assert.equal(stateOf(container).status, "running");
      remove(container);
    });

    it("takes a process file, and forwards the signals of the foreground", async () => {
      const { container } = create(["sleep"]);
      start(container);
      const file = bed.path("process.json");
      writeFileSync(
        file,
        JSON.stringify({ args: ["/app.wasm", "write"], cwd: "/", env: [], user: { uid: 0, gid: 0 } }),
      );
      const child = bed.spawnRune(["exec", "--process", file, container], { stdio: ["ignore", "pipe", "inherit"] });
      assert.ok(child.stdout !== null);
      await once(child.stdout, "data");
      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "exit"), [143, null]);
      remove(container);
    });
  });

  describe("exec with a terminal", () => {
    it("reads and writes it, and the interrupt key ends the process with 130", async () => {
      const { container } = create(["sleep"]);
      start(container);
      const file = bed.path("tty.json");
      setChildSubreaper(true);
      try {
        for (const [verb, keys, expected, code] of [
          ["cat", "hello\r\u0004", /hello\r\nhello\r\n/u, 0],
          ["spin", "\u0003", undefined, 130],
          ["cat", "\u0003", undefined, 130],
        ] as const) {
          const user = { uid: 0, gid: 0 };
          writeFileSync(file, JSON.stringify({ terminal: true, args: ["/app.wasm", verb], cwd: "/", env: [], user }));
          const [console, pidFile] = [bed.path(`tty${names++}.sock`), bed.path("tty.pid")];
          const incoming = Terminal.listen(console);
          const options = ["--process", file, "--detach", "--pid-file", pidFile, "--console-socket", console];
          const done = bed.runeDetached("tty.out", "exec", ...options, container);
          assert.equal(done.status, 0, done.output());
          const exit = reaped(Number(readFileSync(pidFile, "utf8")));
          using terminal = incoming.received();
          terminal.press(keys);
          if (expected !== undefined) {
            let seen = "";
            while (!expected.test(seen)) seen += await terminal.read();
          }
          assert.deepEqual(await exit, { code, signal: undefined });
        }
      } finally {
        setChildSubreaper(false);
      }
      remove(container);
    });
  });

  describe("init-runelet", () => {
    it("takes any message on its control socket without harm", async () => {
      const { container } = create(["sleep"]);
      start(container);
      const found = execFileSync("find", [bed.path("rune"), "-path", `*/${container}/control.sock`], {
        encoding: "utf8",
      });
      const path = found.trim();
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
      assert.equal(bed.rune("exec", container, "/app.wasm", "exit", "5").status, 5);
      remove(container);
    });

    it("takes nothing from the image's environment", async () => {
      const evil = (spec: MutableSpec): void => {
        spec.process.env = ["NODE_OPTIONS=--require=/evil.js", "LD_PRELOAD=/evil.so"];
      };
      const container = id();
      const folder = bundle(["env"], evil);
      writeFileSync(join(folder, "rootfs", "evil.js"), "process._rawDebug('evil ran'); process.exit(66)");
      const { status, stdout, stderr } = bed.rune("run", "-b", folder, container);
      assert.equal(status, 0, stderr);
      assert.equal(stdout, "LD_PRELOAD=/evil.so\nNODE_OPTIONS=--require=/evil.js\n");
      assert.doesNotMatch(stderr, /evil ran/u);
    });

    it("survives every catchable signal and opens no debugger", async () => {
      const { container, output } = create(["sleep"]);
      start(container);
      const { pid } = stateOf(container);
      for (const signal of ALL_CATCHABLE_SIGNALS)
        assert.equal(bed.runc("kill", container, String(signal)).status, 0, signalName(signal));
      const listening = readFileSync(`/proc/${pid}/net/tcp`, "utf8");
      assert.doesNotMatch(listening, /:240D /u, "V8's debugger listens on port 9229");
      assert.equal(stateOf(container).status, "running");
      const exec = bed.rune("exec", container, "/app.wasm", "exit", "5");
      assert.equal(exec.status, 5, exec.stderr);
      assert.equal(output(), "");
      remove(container);
    });

    it("runs as a user without rights, and leaves the application's limit of address space to it", () => {
      const edit = (spec: MutableSpec): void => {
        spec.process["user"] = { uid: 1000, gid: 1000 };
        spec.process["capabilities"] = {};
        spec.process["rlimits"] = [{ type: "RLIMIT_AS", hard: 1 << 28, soft: 1 << 28 }];
      };
      const { status, stderr } = bed.rune("run", "-b", bundle(["exit", "4"], edit), id());
      assert.equal(status, 4, stderr);
    });
  });

  describe("refusals", () => {
    const refused = (folder: string, code: string): void => {
      const container = id();
      const log = bed.path("log.json");
      const words = [
        "--log",
        log,
        "--log-format",
        "json",
        "create",
        "--bundle",
        folder,
        "--pid-file",
        bed.path("x.pid"),
      ];
      const { status, stderr } = bed.rune(...words, container);
      assert.equal(status, 1, stderr);
      const errors = readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { level: string; msg: string })
        .filter(({ level }) => level === "error");
      assert.match(errors.at(-1)?.msg ?? "", new RegExp(`\\(${code}\\)$`, "u"));
      assert.equal(existsSync(bed.path("x.pid")), false);
      assert.deepEqual(bed.traces(container), []);
    };

    for (const [what, code, annotations] of [
      ["a built-in runtime on SGX", "ERR_RUNTIME_UNSUITABLE", { "enclave.type": "intelSgx" }],
      ["a TEE that the machine lacks", "ERR_TEE_UNAVAILABLE", { "enclave.type": "intelTdx" }],
      ["an unknown type", "ERR_REQUEST_VALUE", { "enclave.type": "sgx" }],
      ["a library that is not allowed", "ERR_RUNTIME_NOT_ALLOWED", { "enclave.runtime.path": "/tmp/liberpal.so" }],
    ] as const) {
      it(`${what}: ${code}`, () =>
        refused(
          bundle([], (spec) => Object.assign(spec.annotations, annotations)),
          code,
        ));
    }

    it("a pids.limit that is too small: ERR_PIDS_LIMIT", () =>
      refused(
        bundle([], (spec) => (spec.linux["resources"] = { pids: { limit: 4 } })),
        "ERR_PIDS_LIMIT",
      ));

    it("what runc refuses, in runc's words", () => {
      const edit = (spec: MutableSpec): void =>
        void (spec.mounts = [...spec.mounts, { destination: "/x", type: "nofs" }]);
      const container = id();
      const { status, stderr } = bed.rune("create", "-b", bundle([], edit), container);
      assert.equal(status, 1);
      assert.match(stderr, /runc create failed: .*error mounting .*no such device/u);
      assert.deepEqual(bed.traces(container), []);
    });

    it("no attesterd: ERR_ATTESTERD_UNREACHABLE with the command that starts it", () => {
      const config = bed.path("other.toml");
      writeFileSync(config, readFileSync(bed.path("config.toml"), "utf8").replace("attesterd.sock", "nobody.sock"));
      const container = id();
      const { status, stderr } = bed.runeWith(
        { env: { INCLAVARE_CONFIG: config } },
        "run",
        "-b",
        bundle([]),
        container,
      );
      assert.equal(status, 1);
      assert.match(stderr, /attesterd serve.*ERR_ATTESTERD_UNREACHABLE/u);
      assert.deepEqual(bed.traces(container), []);
    });

    it("a plain container where the operator requires enclaves: ERR_ENCLAVE_REQUIRED, but not a pod's sandbox", () => {
      const config = bed.path("strict.toml");
      writeFileSync(
        config,
        readFileSync(bed.path("config.toml"), "utf8").replace("[rune]", "[rune]\nrequire_enclave = true"),
      );
      const env = { INCLAVARE_CONFIG: config };
      const plain = bundle([], (spec) => (spec.annotations = {}));
      assert.match(bed.runeWith({ env }, "run", "-b", plain, id()).stderr, /ERR_ENCLAVE_REQUIRED/u);
      const sandbox = bundle([], (spec) => {
        spec.annotations = { "io.kubernetes.cri.container-type": "sandbox" };
        spec.process.args = ["/busybox", "true"];
      });
      const { stderr } = bed.runeWith({ env }, "run", "-b", sandbox, id());
      assert.match(stderr, /runc run failed: .*stat \/busybox: no such file/u);
    });
  });

  describe("ids", () => {
    it("of runc's root are one namespace: a plain container and an enclave container cannot share one", () => {
      const plain = bed.bundle("plain-id", { "show-signals": compile(SHOW_SIGNALS) }, (spec) => {
        spec.process.args = ["/show-signals"];
      });
      const first = id();
      assert.equal(bed.runeDetached("id.out", "create", "-b", plain, first).status, 0);
      assert.match(bed.rune("create", "-b", bundle([]), first).stderr, /already exists.*ERR_CONTAINER_EXISTS/u);
      assert.match(bed.rune("state", first).stdout, /"status": "created"/u);
      remove(first);
      const { container } = create(["sleep"]);
      assert.match(bed.rune("create", "-b", plain, container).stderr, /already exists/u);
      assert.equal(stateOf(container).status, "created");
      remove(container);
    });
  });

  describe("crashes", () => {
    for (const delayMs of [60, 150, 300, 600]) {
      it(`rune killed after ${delayMs} ms of create: delete --force removes everything`, async () => {
        const container = id();
        const words = ["create", "-b", bundle(["sleep"]), container];
        const child = bed.spawnRune(words, { stdio: "ignore" });
        setTimeout(() => child.kill("SIGKILL"), delayMs);
        await once(child, "exit");
        // runc may be at work still; as with runc, whoever deletes during a create may have to repeat it.
        const { status, stderr } = bed.rune("delete", "--force", container);
        assert.equal(status, 0, stderr);
        await new Promise((resolve) => setTimeout(resolve, 500));
        assert.equal(bed.rune("delete", "--force", container).status, 0);
        assert.deepEqual(bed.traces(container), []);
      });
    }

    it("init-runelet killed: stopped, and deleted like any other", async () => {
      const { container } = create(["sleep"]);
      start(container);
      process.kill(stateOf(container).pid, "SIGKILL");
      await bed.until(container, "stopped");
      assert.match(bed.rune("exec", container, "/app.wasm").stderr, /ERR_RUNELET_ENDED|stopped/u);
      assert.equal(bed.rune("delete", container).status, 0);
    });

    it("a record that cannot be read does not make the container immortal", () => {
      const { container } = create(["sleep"]);
      const [folder = ""] = execFileSync("find", [bed.path("rune"), "-name", container], { encoding: "utf8" }).split(
        "\n",
      );
      writeFileSync(join(folder, "state.json"), "{");
      assert.match(bed.rune("state", container).stderr, /ERR_CONTAINER_RECORD/u);
      remove(container);
      assert.deepEqual(bed.traces(container), []);
    });
  });

  describe("hooks", () => {
    it("see the caller's bundle at runc's moments", () => {
      const hook = bed.path("hook.sh");
      const seen = bed.path("hooks");
      mkdirSync(seen);
      writeFileSync(hook, `#!/bin/sh\ncat > "${seen}/$1"\n`);
      chmodSync(hook, 0o755);
      const moments = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
      const folder = bundle(["exit", "0"], (spec) => {
        spec["hooks"] = Object.fromEntries(moments.map((name) => [name, [{ path: hook, args: ["hook", name] }]]));
      });
      const { status, stderr } = bed.rune("run", "-b", folder, id());
      assert.equal(status, 0, stderr);
      for (const name of moments)
        assert.equal((JSON.parse(readFileSync(join(seen, name), "utf8")) as { bundle: string }).bundle, folder, name);
    });
  });

  describe("plain containers", () => {
    it("are runc's, without a trace of ours", () => {
      const folder = bed.bundle("plain", { "show-signals": compile(SHOW_SIGNALS) }, (spec) => {
        spec.process.args = ["/show-signals"];
      });
      const container = id();
      const { status, stdout, stderr } = bed.rune("run", "-b", folder, container);
      assert.equal(status, 9, stderr);
      assert.equal(stdout, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    });

    it("and what nobody has heard of end as with runc, with the same text", () => {
      for (const words of [["state", "nobody"], ["delete", "nobody"], ["kill", "nobody"], ["bogus"], ["state"]]) {
        const ours = bed.rune(...words);
        const theirs = bed.runc(...words);
        assert.deepEqual([ours.status, ours.stdout], [theirs.status, theirs.stdout], words.join(" "));
        const [text_, other] = [ours.stderr, theirs.stderr].map((said) => said.replaceAll(/time="[^"]*"/gu, ""));
        assert.equal(text_, other);
      }
    });

    it("rune says who it is, and what it adds", () => {
      assert.match(bed.rune("--version").stdout, /^rune version \d+\.\d+\.\d+\nspec: /u);
      assert.match(bed.rune("--help").stdout, /enclave\.runtime\.path/u);
      const features = JSON.parse(bed.rune("features").stdout) as { annotations: Record<string, string> };
      assert.equal(features.annotations["org.inclavare-containers.enclave.runtimes"], "wasm");
    });

    it("load neither the native library nor the formats of enclaves", () => {
      const folder = join(BIN, "..", "lib", "inclavare");
      const loaded = new Set<string>();
      const load = (name: string): void => {
        if (loaded.has(name)) return;
        loaded.add(name);
        const imports = readFileSync(join(folder, name), "utf8").matchAll(/^import [^;]*from "\.\/([^"]+)";$/gmu);
        for (const [, imported] of imports) load(imported ?? "");
      };
      load("rune.mjs");
      for (const name of loaded)
        assert.doesNotMatch(readFileSync(join(folder, name), "utf8"), /dlopen|_getStandardProps|sigstruct/u, name);
    });
  });
});
