import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { findProgram, mustRunc, parseRuncLog, type RuncLogEntry, type RuncOptions, runRunc } from "./runc.ts";

const directory = mkdtempSync(join(tmpdir(), "rune-runc-"));
process.env["TMPDIR"] = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

/** A program in runc's place; `$log` is the file that it is told to log to. */
function fake(name: string, script: string): RuncOptions & { readonly logged: RuncLogEntry[] } {
  const program = join(directory, name);
  writeFileSync(program, `#!/bin/sh\nlog=$4\n${script}\n`);
  chmodSync(program, 0o755);
  const logged: RuncLogEntry[] = [];
  return { program, root: "/r", flags: ["--systemd-cgroup"], log: (entry) => logged.push(entry), logged };
}

describe("runRunc", () => {
  it("gives output, passes flags, and reports what was logged", async () => {
    const runc = fake("good", `echo '{"level":"warning","msg":"hm"}' >"$log"; echo "$@"`);
    const { code, stdout, error } = await runRunc(runc, { args: ["state", "x"] });
    assert.equal(code, 0);
    assert.match(stdout, /^--root \/r --log \S+ --log-format json --systemd-cgroup state x\n$/u);
    assert.equal(error, "");
    assert.deepEqual(runc.logged, [{ level: "warning", msg: "hm" }]);
  });

  it("takes the last error of the log, else standard error", async () => {
    const script = `printf '{"level":"error","msg":"one"}\\nnoise\\n{"level":"error","msg":"two"}\\n' >"$log"; exit 1`;
    assert.equal((await runRunc(fake("logs", script), { args: ["x"] })).error, "two");
    assert.equal((await runRunc(fake("prints", "echo oh >&2; exit 3"), { args: ["x"] })).error, "oh");
  });

  it("ends what exceeds its deadline with ERR_DEADLINE", async () =>
    await assert.rejects(runRunc(fake("slow", "exec sleep 60"), { args: ["x"], deadlineMs: 100 }), {
      code: "ERR_DEADLINE",
    }));

  it("does not wait beyond the deadline for what it has left behind", async () =>
    await assert.rejects(runRunc(fake("forks", "sleep 3 & sleep 60"), { args: ["x"], deadlineMs: 100 }), {
      code: "ERR_DEADLINE",
    }));

  it("is started by a launcher, where there is one", async () => {
    const runc = { ...fake("launched", 'echo "$LAUNCHED"'), launcher: ["/usr/bin/env", "LAUNCHED=yes"] as const };
    assert.equal((await runRunc(runc, { args: ["x"] })).stdout, "yes\n");
  });

  it("turns death by a signal into 128 + signal", async () =>
    assert.equal((await runRunc(fake("dies", "kill -TERM $$"), { args: ["x"] })).code, 143));

  it("says ERR_RUNC_MISSING when it cannot be started", async () =>
    await assert.rejects(runRunc({ ...fake("gone", ""), program: "/nowhere/runc" }, { args: ["x"] }), {
      code: "ERR_RUNC_MISSING",
    }));

  it("leaves no log behind", () =>
    assert.deepEqual(
      readdirSync(directory).filter((name) => /^rune-[0-9a-f-]{36}\.log$/u.test(name)),
      [],
    ));
});

describe("mustRunc", () => {
  it("throws ERR_CONTAINER_NOT_FOUND or ERR_RUNC with runc's words", async () => {
    const missing = fake("missing", "echo 'container does not exist' >&2; exit 1");
    await assert.rejects(mustRunc(missing, { args: ["state"] }), {
      code: "ERR_CONTAINER_NOT_FOUND",
      message: "container does not exist",
    });
    await assert.rejects(mustRunc(fake("silent", "exit 9"), { args: ["state"] }), { code: "ERR_RUNC" });
  });
});

describe("findProgram", () => {
  it("looks in PATH, or takes a path", () => {
    const { program } = fake("found", "");
    assert.equal(findProgram("found", `/nowhere:${directory}`), program);
    assert.equal(findProgram(program, undefined), program);
    assert.throws(() => findProgram("no-such-program", directory), { code: "ERR_RUNC_MISSING" });
  });
});

describe("parseRuncLog", () => {
  it("takes any text", () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseRuncLog(text))));
    fc.assert(fc.property(fc.json(), (text) => Array.isArray(parseRuncLog(text))));
  });
});
