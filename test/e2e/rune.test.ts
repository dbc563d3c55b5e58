import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setChildSubreaper } from "@inclavare/linux";
import { compile } from "../support/compile.ts";
import { Probes, readPid } from "../support/probes.ts";
import { reaped } from "../support/reaped.ts";
import { BIN, cannotRun } from "../support/testbed.ts";

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

/** Every file below a folder with mode and contents. */
function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()) {
    const stats = statSync(join(folder, name));
    hash.update(`${name} ${stats.mode} ${stats.isFile() ? readFileSync(join(folder, name), "latin1") : ""}\n`);
  }
  return hash.digest("hex");
}

let probes: Probes;

describe("rune", { skip: cannotRun() }, () => {
  before(async () => (probes = await Probes.create("rune")));
  after(async () => await probes.close());

  describe("run", () => {
    for (const code of [0, 7, 255]) {
      it(`ends with the application's exit code ${code}`, () => {
        const { status, stderr } = probes.bed.rune("run", "-b", probes.bundle(["exit", String(code)]), probes.id());
        assert.equal(status, code, stderr);
      });
    }

    it("gives the application its arguments, stdin and stdout, and takes the request out of its environment", () => {
      const args = ["args", "a b", "", "--x=*"];
      assert.equal(
        probes.bed.rune("run", "-b", probes.bundle(args), probes.id()).stdout,
        ["/app.wasm", ...args, ""].join("\n"),
      );
      const input = "line one\nline two";
      assert.equal(probes.bed.runeWith({ input }, "run", "-b", probes.bundle(["cat"]), probes.id()).stdout, input);
      const inVariables = probes.bundle(["env"], (spec) => {
        spec.annotations = {};
        spec.process.env = ["A=1 2", "ENCLAVE_TYPE=simulated", "ENCLAVE_RUNTIME_PATH=wasm"];
      });
      assert.equal(probes.bed.rune("run", "-b", inVariables, probes.id()).stdout, "A=1 2\n");
    });

    it("passes signals on and ends with 128 + signal", async () => {
      const container = probes.id();
      const child = probes.bed.spawnRune(["run", "-b", probes.bundle(["spin"]), container], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      await probes.bed.until(container, "running");
      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "exit"), [143, null]);
      assert.match(probes.bed.rune("state", container).stderr, /container does not exist/u);
    });

    it("keeps the container with --keep, and returns at once with --detach", async () => {
      const kept = probes.id();
      assert.equal(probes.bed.rune("run", "--keep", "-b", probes.bundle(["exit", "3"]), kept).status, 3);
      assert.equal(probes.state(kept).status, "stopped");
      assert.equal(probes.bed.rune("delete", kept).status, 0);
      const detached = probes.id();
      assert.equal(probes.bed.runeDetached("run.out", "run", "-d", "-b", probes.bundle(["sleep"]), detached).status, 0);
      assert.equal(probes.state(detached).status, "running");
      probes.remove(detached);
    });
  });

  describe("life of a container", () => {
    it("walks created, running, stopped, with the caller's bundle, and is deleted once", async () => {
      const container = probes.id();
      const folder = probes.bundle(["sleep"]);
      const before = fingerprint(folder);
      const pidFile = probes.bed.path("pid");
      const made = probes.bed.runeDetached("life.out", "create", "-b", folder, "--pid-file", pidFile, container);
      assert.equal(made.status, 0, made.output());
      const created = probes.state(container);
      assert.deepEqual([created.status, created.bundle], ["created", folder]);
      assert.equal(created.pid, readPid(pidFile));
      assert.match(
        probes.bed.rune("list").stdout,
        new RegExp(`^${container} +${created.pid} +created +${folder} `, "mu"),
      );
      assert.equal(probes.bed.rune("create", "-b", folder, container).status, 1);
      probes.start(container);
      assert.equal(probes.state(container).status, "running");
      assert.match(probes.bed.rune("start", container).stderr, /cannot start an already running container/u);
      assert.deepEqual(JSON.parse(probes.bed.rune("ps", "--format", "json", container).stdout), [created.pid]);
      assert.match(
        probes.bed.rune("delete", container).stderr,
        /cannot delete container .* that is not stopped: running/u,
      );
      assert.equal(probes.bed.rune("kill", container, "TERM").status, 0);
      await probes.bed.until(container, "stopped");
      assert.match(probes.bed.rune("kill", container, "TERM").stderr, /container not running/u);
      assert.equal(probes.bed.rune("kill", "--all", container, "TERM").status, 0);
      assert.equal(probes.bed.rune("delete", container).status, 0);
      const again = probes.bed.rune("delete", container);
      assert.deepEqual([again.status, /container does not exist/u.test(again.stderr)], [1, true]);
      assert.equal(probes.bed.rune("delete", "--force", container).status, 0);
      assert.equal(fingerprint(folder), before, "the caller's bundle was changed");
    });

    it("is killed before its start as the kernel would, and deleted without --force when created", async () => {
      const { container } = probes.created(["exit", "0"]);
      assert.equal(probes.bed.rune("kill", container, "TERM").status, 0);
      await probes.bed.until(container, "stopped");
      probes.remove(container);
      const other = probes.created(["exit", "0"]).container;
      assert.equal(probes.bed.rune("delete", other).status, 0);
    });

    it("refuses a signal that does not exist, in runc's words", () => {
      const { container } = probes.created(["sleep"]);
      assert.match(probes.bed.rune("kill", container, "FOO").stderr, /unknown signal \\"FOO\\"/u);
      probes.remove(container);
    });

    it("leaves its container to the caller's subreaper", async () => {
      setChildSubreaper(true);
      try {
        for (const [args, signal, expected] of [
          [["exit", "7"], undefined, { code: 7 }],
          [["spin"], "TERM", { code: 143 }],
          [["sleep"], "KILL", { signal: 9 }],
        ] as const) {
          const { container } = probes.created(args);
          const exit = reaped(probes.state(container).pid);
          probes.start(container);
          if (signal !== undefined) assert.equal(probes.bed.rune("kill", container, signal).status, 0);
          assert.deepEqual(await exit, { code: undefined, signal: undefined, ...expected });
          probes.remove(container);
        }
      } finally {
        setChildSubreaper(false);
      }
    });
  });

  describe("ids", () => {
    it("of runc's root are one namespace: a plain container and an enclave container cannot share one", () => {
      const plain = probes.bed.bundle("plain-id", { "show-signals": compile(SHOW_SIGNALS) }, (spec) => {
        spec.process.args = ["/show-signals"];
      });
      const first = probes.id();
      assert.equal(probes.bed.runeDetached("id.out", "create", "-b", plain, first).status, 0);
      assert.match(
        probes.bed.rune("create", "-b", probes.bundle([]), first).stderr,
        /already exists.*ERR_CONTAINER_EXISTS/u,
      );
      assert.match(probes.bed.rune("state", first).stdout, /"status": "created"/u);
      probes.remove(first);
      const { container } = probes.created(["sleep"]);
      assert.match(probes.bed.rune("create", "-b", plain, container).stderr, /already exists/u);
      assert.equal(probes.state(container).status, "created");
      probes.remove(container);
    });
  });

  describe("hooks", () => {
    it("see the caller's bundle at runc's moments", () => {
      const hook = probes.bed.path("hook.sh");
      const seen = probes.bed.path("hooks");
      mkdirSync(seen);
      writeFileSync(hook, `#!/bin/sh\ncat > "${seen}/$1"\n`);
      chmodSync(hook, 0o755);
      const moments = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
      const folder = probes.bundle(["exit", "0"], (spec) => {
        spec["hooks"] = Object.fromEntries(moments.map((name) => [name, [{ path: hook, args: ["hook", name] }]]));
      });
      const { status, stderr } = probes.bed.rune("run", "-b", folder, probes.id());
      assert.equal(status, 0, stderr);
      for (const name of moments)
        assert.equal((JSON.parse(readFileSync(join(seen, name), "utf8")) as { bundle: string }).bundle, folder, name);
    });
  });

  describe("plain containers", () => {
    it("are runc's, without a trace of ours", () => {
      const folder = probes.bed.bundle("plain", { "show-signals": compile(SHOW_SIGNALS) }, (spec) => {
        spec.process.args = ["/show-signals"];
      });
      const container = probes.id();
      const { status, stdout, stderr } = probes.bed.rune("run", "-b", folder, container);
      assert.equal(status, 9, stderr);
      // Not a constant: what the caller ignores stays ignored, and `make` leaves a signal of libc's own so.
      assert.equal(stdout, probes.bed.runc("run", "-b", folder, `${container}-runc`).stdout);
    });

    it("and what nobody has heard of end as with runc, with the same text", () => {
      for (const words of [["state", "nobody"], ["delete", "nobody"], ["kill", "nobody"], ["bogus"], ["state"]]) {
        const ours = probes.bed.rune(...words);
        const theirs = probes.bed.runc(...words);
        assert.deepEqual([ours.status, ours.stdout], [theirs.status, theirs.stdout], words.join(" "));
        const [text_, other] = [ours.stderr, theirs.stderr].map((said) => said.replaceAll(/time="[^"]*"/gu, ""));
        assert.equal(text_, other);
      }
    });

    it("rune says who it is, and what it adds", () => {
      assert.match(probes.bed.rune("--version").stdout, /^rune version \d+\.\d+\.\d+\ncommit: /u);
      assert.match(probes.bed.rune("--help").stdout, /enclave\.runtime\.path/u);
      const features = JSON.parse(probes.bed.rune("features").stdout) as { annotations: Record<string, string> };
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
