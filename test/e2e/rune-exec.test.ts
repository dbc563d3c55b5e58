import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setChildSubreaper } from "@inclavare/linux";
import { Probes, readPid } from "../support/probes.ts";
import { reaped } from "../support/reaped.ts";
import { Terminal } from "../support/terminal.ts";
import { cannotRun } from "../support/testbed.ts";

let probes: Probes;

describe("rune exec", { skip: cannotRun() }, () => {
  before(async () => (probes = await Probes.create("exec")));
  after(async () => await probes.close());

  describe("exec", () => {
    it("gives output and exit code, detached as well, and dies with its stand-in", async () => {
      const { container } = probes.started(["sleep"]);
      const args = probes.bed.rune("exec", container, "/app.wasm", "args", "a b");
      assert.equal(args.stdout, "/app.wasm\nargs\na b\n", args.stderr);
      assert.equal(probes.bed.rune("exec", container, "/app.wasm", "exit", "7").status, 7);
      const missing = probes.bed.rune("exec", container, "/none.wasm");
      assert.equal(missing.status, 255);
      setChildSubreaper(true);
      try {
        for (const [words, signal, expected] of [
          [["exit", "7"], undefined, { code: 7 }],
          [["spin"], "SIGTERM", { code: 143 }],
          [["sleep"], "SIGKILL", { signal: 9 }],
        ] as const) {
          const pidFile = probes.bed.path("exec.pid");
          const options = ["--detach", "--pid-file", pidFile];
          const done = probes.bed.runeDetached("exec.out", "exec", ...options, container, "/app.wasm", ...words);
          assert.equal(done.status, 0, done.output());
          const pid = readPid(pidFile);
          const exit = reaped(pid);
          if (signal !== undefined) process.kill(pid, signal);
          assert.deepEqual(await exit, { code: undefined, signal: undefined, ...expected });
        }
      } finally {
        setChildSubreaper(false);
      }
      assert.equal(probes.state(container).status, "running");
      probes.remove(container);
    });

    it("takes a process file, and forwards the signals of the foreground", async () => {
      const { container } = probes.started(["sleep"]);
      const file = probes.bed.path("process.json");
      writeFileSync(
        file,
        JSON.stringify({ args: ["/app.wasm", "write"], cwd: "/", env: [], user: { uid: 0, gid: 0 } }),
      );
      const child = probes.bed.spawnRune(["exec", "--process", file, container], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      assert.ok(child.stdout !== null);
      await once(child.stdout, "data");
      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "exit"), [143, null]);
      probes.remove(container);
    });
  });

  describe("exec with a terminal", () => {
    it("reads and writes it, and the interrupt key ends the process with 130", async () => {
      const { container } = probes.started(["sleep"]);
      const file = probes.bed.path("tty.json");
      setChildSubreaper(true);
      try {
        for (const [verb, keys, expected, code] of [
          ["cat", "hello\r\u0004", /hello\r\nhello\r\n/u, 0],
          ["spin", "\u0003", undefined, 130],
          ["cat", "\u0003", undefined, 130],
        ] as const) {
          const user = { uid: 0, gid: 0 };
          writeFileSync(file, JSON.stringify({ terminal: true, args: ["/app.wasm", verb], cwd: "/", env: [], user }));
          const [console, pidFile] = [probes.bed.path(`tty${probes.number()}.sock`), probes.bed.path("tty.pid")];
          const incoming = Terminal.listen(console);
          const options = ["--process", file, "--detach", "--pid-file", pidFile, "--console-socket", console];
          const done = probes.bed.runeDetached("tty.out", "exec", ...options, container);
          assert.equal(done.status, 0, done.output());
          const exit = reaped(readPid(pidFile));
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
      probes.remove(container);
    });
  });
});
