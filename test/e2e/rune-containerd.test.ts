import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Containerd } from "../support/containerd.ts";
import { probeProgram } from "../support/probe-program.ts";
import { BIN, cannotRun, Testbed } from "../support/testbed.ts";

/** Unique on the machine: the cgroup is named after it. */
const ID = `e2ectr${process.pid}x`;
const ENCLAVE = ["--annotation", "enclave.type=simulated", "--annotation", "enclave.runtime.path=wasm"];
let bed: Testbed;
let containerd: Containerd;
let rootfs: string;

/** `ctr run` with containerd's own shim for runc, and rune in runc's place. */
function run(flags: readonly string[], id: string, ...args: string[]) {
  const runtime = ["--runtime", "io.containerd.runc.v2", "--runc-binary", join(BIN, "rune")];
  return containerd.ctr(
    "run",
    ...flags,
    ...containerd.runtimeFlags,
    ...runtime,
    ...ENCLAVE,
    "--rootfs",
    rootfs,
    id,
    "/app.wasm",
    ...args,
  );
}

describe(
  "rune under containerd's own shim",
  { skip: cannotRun("containerd", "ctr", "containerd-shim-runc-v2") },
  () => {
    before(async () => {
      bed = await Testbed.create("containerd");
      rootfs = bed.path("image");
      mkdirSync(rootfs);
      writeFileSync(join(rootfs, "app.wasm"), await probeProgram());
      containerd = await Containerd.start(bed);
    });
    after(async () => {
      for (const id of containerd
        .ctr("container", "list", "--quiet")
        .stdout.split("\n")
        .filter((line) => line !== "")) {
        containerd.ctr("task", "delete", "--force", id);
        containerd.ctr("container", "delete", id);
      }
      const traces = bed.traces(ID);
      await bed[Symbol.asyncDispose]();
      assert.deepEqual(traces, []);
    });

    it("runs to the end, with output and exit code", () => {
      const ended = run(["--rm"], `${ID}-seven`, "exit", "7");
      assert.equal(ended.status, 7, ended.stderr);
      const printed = run(["--rm"], `${ID}-args`, "args", "a b");
      assert.equal(printed.stdout, "/app.wasm\nargs\na b\n", printed.stderr);
    });

    it("runs detached, executes beside it, is killed and deleted", async () => {
      const id = `${ID}-long`;
      const started = run(["--detach"], id, "sleep");
      assert.equal(started.status, 0, started.stderr);
      assert.match(containerd.ctr("task", "list").stdout, new RegExp(`^${id} .*RUNNING`, "mu"));
      const executed = containerd.ctr(
        "task",
        "exec",
        ...containerd.fifoFlags,
        "--exec-id",
        "one",
        id,
        "/app.wasm",
        "exit",
        "7",
      );
      assert.equal(executed.status, 7, executed.stderr);
      const printed = containerd.ctr(
        "task",
        "exec",
        ...containerd.fifoFlags,
        "--exec-id",
        "two",
        id,
        "/app.wasm",
        "args",
        "x y",
      );
      assert.equal(printed.stdout, "/app.wasm\nargs\nx y\n", printed.stderr);
      assert.equal(
        containerd.ctr(
          "task",
          "exec",
          ...containerd.fifoFlags,
          "--detach",
          "--exec-id",
          "three",
          id,
          "/app.wasm",
          "spin",
        ).status,
        0,
      );
      assert.equal(containerd.ctr("task", "kill", "--exec-id", "three", "--signal", "KILL", id).status, 0);
      assert.equal(containerd.ctr("task", "kill", "--signal", "TERM", id).status, 0);
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
        if (/STOPPED/u.test(containerd.ctr("task", "list").stdout)) break;
      }
      const removed = containerd.ctr("task", "delete", id);
      assert.match(removed.stderr, /exit with non-zero exit code 143/u);
      assert.equal(containerd.ctr("container", "delete", id).status, 0);
    });

    it("runs under containerd's default seccomp profile and a memory limit", () => {
      const ended = run(["--rm", "--seccomp", "--memory-limit", String(128 << 20)], `${ID}-confined`, "exit", "7");
      assert.equal(ended.status, 7, ended.stderr);
    });

    it("shows the reason of a refusal", () => {
      const id = `${ID}-no`;
      const { status, stderr } = run(["--annotation", "enclave.runtime.loglevel=loud", "--rm"], id, "exit", "0");
      assert.notEqual(status, 0);
      assert.match(stderr, /enclave\.runtime\.loglevel is "loud", expected one of .*ERR_REQUEST_VALUE/u);
      assert.equal(existsSync(join(rootfs, "dev", "inclavare")), false);
    });
  },
);
