import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BIN, cannotRun, Testbed } from "../support/testbed.ts";
import { plainProbe } from "./probe.ts";

const MARKER = `crun${process.pid}x`;

/**
 * crun refuses machines that have both versions of cgroups; in a mount namespace of its own it sees one. Where there is
 * but one, nothing changes.
 */
const UNIFORM = ["--mount", "sh", "-c", 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh"];

/** The low-level runtime is the operator's choice: with `runtime = "crun"` a plain container is crun's. */
describe("conformance: crun as the low-level runtime", { skip: cannotRun("crun") }, () => {
  let bed: Testbed;
  let program: Uint8Array;
  let count = 0;
  before(async () => {
    bed = await Testbed.create("crun");
    program = plainProbe();
    const config = bed.env["INCLAVARE_CONFIG"] ?? "";
    writeFileSync(config, readFileSync(config, "utf8").replace("[rune]\n", '[rune]\nruntime = "crun"\n'));
  });
  after(async () => assert.deepEqual(await bed.close(MARKER), []));

  const bundle = (...args: string[]): string =>
    bed.bundle(`bundle-${count++}`, { probe: program }, (spec) => (spec.process.args = ["/probe", ...args]));

  function call(command: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync("unshare", [...UNIFORM, command, ...bed.runeArgs(...words)], {
      encoding: "utf8",
      env: bed.env,
      timeout: 30_000,
    });
    return { status, stdout, stderr: stderr.replaceAll(/^\S+Z?: /gu, "") };
  }
  const rune = (...words: string[]): ReturnType<typeof call> => call(join(BIN, "rune"), ...words);

  it("runs a program, with its status, arguments and environment", () => {
    for (const args of [["exit", "7"], ["args", "a b", ""], ["env"]]) {
      const words = (): string[] => ["run", "--bundle", bundle(...args), `${MARKER}${count++}`];
      const answer = rune(...words());
      assert.deepEqual(answer, call("crun", ...words()));
      assert.equal(answer.status, args[0] === "exit" ? 7 : 0, answer.stderr);
    }
  });

  it("says what crun says of what is not there", () => {
    for (const words of [
      ["state", "nobody"],
      ["delete", "nobody"],
      ["kill", "nobody", "TERM"],
    ])
      assert.deepEqual(rune(...words), call("crun", ...words));
  });

  it("walks created, running, paused, stopped, with exec between", async () => {
    const id = `${MARKER}${count++}`;
    const status = (): string => (JSON.parse(rune("state", id).stdout) as { status: string }).status;
    const detached = 'exec "$@" >/dev/null 2>&1 </dev/null';
    const words = bed.runeArgs("create", "--bundle", bundle("sleep"), id);
    const created = spawnSync("unshare", [...UNIFORM, "sh", "-c", detached, "sh", join(BIN, "rune"), ...words], {
      env: bed.env,
    });
    assert.equal(created.status, 0);
    assert.equal(status(), "created");
    assert.equal(rune("start", id).status, 0);
    assert.equal(status(), "running");
    assert.equal(rune("exec", id, "/probe", "exit", "5").status, 5);
    assert.equal(rune("pause", id).status, 0);
    assert.equal(status(), "paused");
    assert.equal(rune("resume", id).status, 0);
    assert.match(rune("list", "-q").stdout, new RegExp(`^${id}$`, "mu"));
    assert.equal(rune("kill", id, "TERM").status, 0);
    for (const deadline = Date.now() + 5000; status() !== "stopped" && Date.now() < deadline;) await sleep(20);
    assert.equal(status(), "stopped");
    assert.equal(rune("delete", id).status, 0);
    assert.notEqual(rune("state", id).status, 0);
  });

  it("is named by --version", () => assert.match(rune("--version").stdout, /^rune version .*\n(?:.*\n)*.*crun/u));
});
