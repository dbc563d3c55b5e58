/** Containers around the skeleton, in each version of the PAL API: how they run, and how they go wrong. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BIN, cannotRun, Testbed } from "../support/testbed.ts";

const MARKER = `e2eskel${process.pid}x`;
const VERSIONS = [1, 2, 3] as const;
let bed: Testbed;
let names = 0;

const library = (version: number): string =>
  join(BIN, "..", "lib", "inclavare", "pals", `liberpal-skeleton-v${version}.so`);
const id = (): string => `${MARKER}${names++}`;

function bundle(version: number, args: readonly string[], options = ""): string {
  return bed.bundle(`bundle-${names++}`, { "work/data": Buffer.from("data of the image\n") }, (spec) => {
    spec.annotations = { "enclave.type": "simulated", "enclave.runtime.path": library(version) };
    if (options !== "") spec.annotations["enclave.runtime.args"] = options;
    spec.process.args = [...args];
    spec.process.env = ["A=1 2"];
  });
}

describe("the skeleton in containers", { skip: cannotRun() }, () => {
  before(async () => {
    bed = await Testbed.create("skeleton");
    bed.configure(`pals = [${VERSIONS.map((version) => JSON.stringify(library(version))).join(", ")}]`);
  });
  after(async () => assert.deepEqual(await bed.close(MARKER), []));

  for (const version of VERSIONS) {
    it(`runs programs, version ${version}`, () => {
      for (const [args, status, output] of [
        [["/bin/arguments", "a  b", ""], 0, "<a  b>\n<>\n"],
        [["/bin/env"], 0, version === 1 ? "" : "A=1 2\n"],
        [["/bin/cat", "/work/data"], 0, "data of the image\n"],
        [["/bin/exit", "7"], 7, ""],
        [["/bin/signal", "9"], 137, ""],
        [["/bin/deep", "7"], 0, ""],
      ] as const) {
        const run = bed.rune("run", "-b", bundle(version, args), id());
        assert.deepEqual([run.status, run.stdout], [status, output], run.stderr);
      }
    });

    it(`is created or not, with the reason, version ${version}`, () => {
      for (const [option, reason] of [
        ["fail-init=-13", /EACCES: permission denied \[?.*ERR_PAL_CALL/u],
        ["fail-init=1", /failed with 1, expected 0 .*ERR_PAL_CALL/u],
        ["errno-init=17", /errno EEXIST: file already exists.*ERR_PAL_CALL/u],
        ["crash-init", /SIGSEGV in pal_init.*ERR_PAL_CRASHED/su],
        ["abort-init", /SIGABRT in pal_init.*ERR_PAL_CRASHED/su],
      ] as const) {
        const container = id();
        const { status, output } = bed.runeDetached(
          "out",
          "create",
          "-b",
          bundle(version, ["exit"], option),
          container,
        );
        assert.equal(status, 1);
        assert.match(output(), reason);
        assert.deepEqual(bed.traces(container), []);
      }
    });

    it(`tells a crash while it runs by its status, version ${version}`, () => {
      assert.equal(bed.rune("run", "-b", bundle(version, ["exit"], "crash-exec"), id()).status, 139);
    });
  }

  // The first version makes its process in pal_exec.
  for (const version of [2, 3]) {
    it(`has ended when its start fails, with the reason, version ${version}`, () => {
      for (const [option, reason] of [
        ["fail-create=-2 slow-destroy=1000", /ENOENT: no such file .*ERR_PAL_CALL/u],
        ["crash-create", /SIGSEGV in pal_create_process.*ERR_PAL_CRASHED/su],
      ] as const) {
        const container = id();
        const made = bed.runeDetached("late", "create", "-b", bundle(version, ["exit"], option), container);
        assert.equal(made.status, 0, made.output());
        const { pid } = JSON.parse(bed.rune("state", container).stdout) as { pid: number };
        const { status, stderr } = bed.rune("start", container);
        assert.equal(status, 1);
        assert.equal(isRunning(pid), false);
        assert.match(stderr, reason);
        assert.equal(bed.rune("delete", container).status, 0);
        assert.deepEqual(bed.traces(container), []);
      }
    });
  }

  it("has further processes beside the container's own, and takes signals", async () => {
    const container = id();
    const { status, output } = bed.runeDetached("main", "create", "-b", bundle(2, ["signals"]), container);
    assert.equal(status, 0, output());
    assert.equal(bed.rune("start", container).status, 0);
    assert.equal(bed.rune("exec", container, "exit", "9").status, 9);
    assert.equal(bed.rune("exec", container, "echo", "a  b").stdout, "a  b\n");
    assert.equal(bed.rune("kill", container, "USR1").status, 0);
    assert.equal(bed.rune("kill", container, "TERM").status, 0);
    await bed.until(container, "stopped");
    assert.equal(output(), "waiting\nsignal 10\nsignal 15\n");
    assert.equal(bed.rune("delete", container).status, 0);
  });

  it("of version 1 is killed, since it has no other signals", async () => {
    const container = id();
    assert.equal(bed.runeDetached("old", "create", "-b", bundle(1, ["wait"]), container).status, 0);
    assert.equal(bed.rune("start", container).status, 0);
    const refused = bed.rune("kill", container, "TERM");
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /ERR_PAL_UNSUPPORTED/u);
    assert.equal(bed.rune("kill", container, "KILL").status, 0);
    await bed.until(container, "stopped");
    assert.equal(bed.rune("delete", container).status, 0);
  });
});

/** Whether there is such a process that is not merely waiting for its parent. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
