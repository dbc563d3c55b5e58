/** What containerd's shims are known to have suffered from; the numbers are those of the table in docs/shim.md. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, message, type RemoteMethod, text, uint32 } from "@inclavare/ttrpc";
import { HeldRuntime } from "../support/held-runtime.ts";
import { writeImageArchive } from "../support/images.ts";
import { ShimBed } from "../support/shim-bed.ts";
import { BIN, cannotRun } from "../support/testbed.ts";

const SHIM = join(BIN, "containerd-shim-rune-v2");
const { O_RDONLY, O_RDWR, O_NONBLOCK } = constants;
const request = message({ id: text(1), execId: text(2) });
const answer = message({ first: uint32(1), second: uint32(2) });
type Request = { id?: string; execId?: string };
type Answer = { first: number; second: number };

let shim: ShimBed;
let runtime: HeldRuntime;
let events: { text(): string };

function call(client: Client, method: string, fields: Request, timeoutMs = 5_000): Promise<Answer> {
  const remote: RemoteMethod<Request, Answer> = {
    service: "containerd.task.v2.Task",
    method,
    request,
    response: answer,
  };
  return client.call(remote, fields, { timeoutMs });
}

function initOf(id: string): number {
  return Number(readFileSync(join(shim.bundle(id), "init.pid"), "utf8"));
}

/** A container whose low-level runtime can be held. */
function held(id: string): void {
  shim.detached(id, "sleep 1000", ...runtime.flags);
}

/** `start` or `delete` by hand. */
function command(bundle: string, id: string, action: string, namespace = shim.namespace) {
  const flags = ["-namespace", namespace, "-address", shim.containerd.address, "-id", id, "-bundle", bundle, "-debug"];
  return spawnSync(SHIM, [...flags, action], {
    cwd: bundle,
    encoding: "utf8",
    timeout: 10_000,
    env: { ...shim.bed.env, TTRPC_ADDRESS: shim.containerd.ttrpcAddress },
  });
}

function newBundle(id: string): string {
  const bundle = shim.bed.path("bundles", id);
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, "config.json"), '{"ociVersion":"1.0.2"}');
  return bundle;
}

function newFifo(name: string): string {
  const fifo = shim.bed.path(name);
  assert.equal(spawnSync("mkfifo", [fifo]).status, 0);
  return fifo;
}

/** What lies in a FIFO now. */
function readAll(fd: number): string {
  const chunk = Buffer.alloc(1 << 16);
  try {
    return chunk.subarray(0, readSync(fd, chunk)).toString();
  } catch {
    return ""; // EAGAIN
  }
}

describe("known problems of shims", { skip: cannotRun("containerd", "ctr", "busybox") }, () => {
  before(async () => {
    shim = await ShimBed.start("shimproblems");
    runtime = new HeldRuntime(shim);
    events = shim.containerd.watchEvents();
  });
  afterEach(() => runtime.release());
  after(async () => assert.deepEqual(await shim.close(), []));

  it("8.1: a Create that its caller has given up is undone, and the shim ends", async () => {
    runtime.hold("after-create");
    const run = shim.run(
      [...shim.runArgs("--detach", "--null-io", ...runtime.flags), "given-up", "/bin/sleep", "1000"],
      undefined,
      15_000,
    );
    await runtime.reached("after-create");
    // What containerd does when the client's time is over, before it closes the connection.
    using client = shim.clientOf(shim.address("given-up"));
    await assert.rejects(call(client, "Delete", { id: "given-up" }), { status: 5 });
    await call(client, "Shutdown", { id: "given-up" });
    assert.equal(shim.shims("given-up").length, 1, "it still has to undo it");
    runtime.release();
    assert.notEqual((await run).status, 0);
    await shim.until("the shim has ended", () => shim.shims("given-up").length === 0);
    assert.deepEqual(shim.bed.traces("given-up"), []);
    shim.removed("given-up");
  });

  it("8.2: a Delete that outlives its caller is finished, and a repeated one gets its answer", async () => {
    held("slow-delete");
    shim.ctr("task", "kill", "--signal", "KILL", "slow-delete");
    await shim.until("the end", () => shim.status("slow-delete") === "STOPPED");
    const pid = initOf("slow-delete");
    runtime.hold("before-delete");
    using client = shim.clientOf(shim.address("slow-delete"));
    await assert.rejects(call(client, "Delete", { id: "slow-delete" }, 300), { status: 4 });
    const again = call(client, "Delete", { id: "slow-delete" });
    await sleep(100);
    runtime.release();
    assert.deepEqual(await again, { first: pid, second: 137 });
    await assert.rejects(call(client, "Delete", { id: "slow-delete" }), { status: 5 });
    assert.equal(shim.ctr("container", "delete", "slow-delete").status, 0);
    await call(client, "Shutdown", { id: "slow-delete" });
    await shim.until("the shim has ended", () => shim.shims("slow-delete").length === 0);
  });

  it("8.4: the end of a container is not lost among processes that are just being started in it", async () => {
    shim.detached("busy", "sleep 1000");
    const pid = initOf("busy");
    const flags = ["task", "exec", "--detach", ...shim.containerd.fifoFlags];
    const execs = Array.from({ length: 16 }, (_, index) =>
      shim.run([...flags, "--exec-id", `e${index}`, "busy", "/bin/sleep", "1000"]),
    );
    await sleep(150);
    process.kill(pid, "SIGKILL");
    await Promise.all(execs);
    await shim.until("the end", () => shim.status("busy") === "STOPPED");
    const exits = (): string[] =>
      [...events.text().matchAll(/tasks\/exit .*"container_id":"busy","id":"(\w+)"/gu)].map(([, id]) => id ?? "");
    await shim.until("the end is told", () => exits().includes("busy"));
    assert.equal(exits().at(-1), "busy", "its own end is told last");
    const started = [...events.text().matchAll(/tasks\/exec-started .*"container_id":"busy"/gu)].length;
    assert.equal(exits().length, started + 1, "whoever was started has ended");
    shim.deleted("busy", 137);
  });

  it("8.9: a client that comes after a restart of containerd reads on", async () => {
    const fifo = newFifo("kept.out");
    const script = "while sleep 0.2; do echo line; done";
    const started = shim.ctr(
      ...shim.runArgs("--detach", "--log-uri", `fifo://${fifo}`),
      "kept",
      "/bin/sh",
      "-c",
      script,
    );
    assert.equal(started.status, 0, started.stderr);
    const reads = async (): Promise<void> => {
      const fd = openSync(fifo, O_RDONLY | O_NONBLOCK);
      let read = "";
      for (let round = 0; round < 100 && !read.includes("line\nline\n"); round++) {
        read += readAll(fd);
        await sleep(50);
      }
      closeSync(fd);
      assert.match(read, /line\nline\n/u);
    };
    await reads();
    await shim.containerd.kill();
    await reads(); // the reader before it has gone, and containerd as well
    await shim.containerd.launch();
    events = shim.containerd.watchEvents();
    await reads();
    assert.equal(shim.status("kept"), "RUNNING");
    shim.removed("kept");
  });

  it("8.10: a log that nobody reads any more blocks nothing", async () => {
    const bundle = newBundle("full-log");
    spawnSync("mkfifo", [join(bundle, "log")]);
    const log = openSync(join(bundle, "log"), O_RDWR | O_NONBLOCK);
    const started = command(bundle, "full-log", "start");
    assert.equal(started.status, 0, started.stderr);
    assert.throws(() => {
      for (;;) writeSync(log, Buffer.alloc(4096, "x"));
    }, /EAGAIN/u);
    using client = shim.clientOf(started.stdout);
    await call(client, "Connect", { id: "full-log" });
    // A Create that fails is logged, as is the end.
    await assert.rejects(call(client, "Create", { id: "full-log", execId: bundle }));
    await call(client, "Shutdown", { id: "full-log" });
    await client.closed;
    await shim.until("the shim has ended", () => shim.shims("full-log").length === 0);
    closeSync(log);
  });

  it("8.12: names of any length make a socket's path of one length", async () => {
    const namespace = `${shim.namespace}-${"n".repeat(76 - shim.namespace.length - 1)}`;
    const id = "i".repeat(76);
    const started = command(newBundle(id), id, "start", namespace);
    assert.equal(started.status, 0, started.stderr);
    const path = started.stdout.replace("unix://", "");
    assert.ok(path.length <= 106, path);
    using client = shim.clientOf(started.stdout);
    await call(client, "Shutdown", { id });
    await client.closed;
    await shim.until("the socket is gone", () => !existsSync(path));
  });

  it("8.17: while the low-level runtime hangs, everything else is answered", async () => {
    held("hangs");
    runtime.hold("before-kill");
    const kill = shim.run(["task", "kill", "--signal", "KILL", "hangs"], undefined, 15_000);
    await runtime.reached("before-kill");
    using client = shim.clientOf(shim.address("hangs"));
    for (const method of ["Connect", "State", "Stats"]) {
      const answered = { service: "containerd.task.v2.Task", method, request, response: message({}) };
      await client.call(answered, { id: "hangs" }, { timeoutMs: 2_000 });
    }
    await shim.containerd.kill();
    const startedAt = performance.now();
    await shim.containerd.launch();
    assert.ok(performance.now() - startedAt < 5_000, "containerd's start waits for nobody");
    events = shim.containerd.watchEvents();
    assert.equal(shim.status("hangs"), "RUNNING");
    runtime.release();
    await kill;
    await shim.until("the end", () => shim.status("hangs") === "STOPPED");
    shim.deleted("hangs", 137);
  });

  it("8.18: a container that somebody else has removed has ended, whatever the low-level runtime says", async () => {
    shim.detached("behind", "sleep 1000");
    const root = join("/run/containerd/runc", shim.namespace);
    assert.equal(spawnSync("runc", ["--root", root, "delete", "--force", "behind"]).status, 0);
    await shim.until("the end", () => shim.status("behind") === "STOPPED");
    assert.match(shim.ctr("task", "kill", "--signal", "KILL", "behind").stderr, /process already finished/u);
    shim.deleted("behind", 137);
  });

  it("8.19: delete kills the container that outlived its shim, and nobody who got its number", async () => {
    const innocent: ChildProcess = spawn("sleep", ["1000"], { stdio: "ignore" });
    try {
      const bundle = newBundle("stale");
      writeFileSync(join(bundle, "init.pid"), String(innocent.pid));
      writeFileSync(join(bundle, "options.json"), "{}");
      writeFileSync(join(bundle, "runtime"), "");
      assert.equal(command(bundle, "stale", "delete").status, 0);
      assert.equal(innocent.exitCode ?? innocent.signalCode, null);
      assert.ok(existsSync(`/proc/${innocent.pid}`));
    } finally {
      innocent.kill("SIGKILL");
    }
  });

  it("8.21: what was printed before the end is read after it", async () => {
    const fifo = newFifo("late.out");
    const reader = openSync(fifo, O_RDONLY | O_NONBLOCK);
    const script = "head -c 40000 /dev/zero; echo; echo end";
    const started = shim.ctr(
      ...shim.runArgs("--detach", "--log-uri", `fifo://${fifo}`),
      "late",
      "/bin/sh",
      "-c",
      script,
    );
    assert.equal(started.status, 0, started.stderr);
    await shim.until("the end", () => shim.status("late") === "STOPPED");
    let read = "";
    for (let round = 0; round < 50 && !read.endsWith("end\n"); round++) {
      read += readAll(reader);
      await sleep(20);
    }
    closeSync(reader);
    assert.equal(read.length, 40_000 + "\nend\n".length);
    shim.deleted("late", 0);
  });

  describe("8.22: with a root file system of its own, and something mounted in it", () => {
    const IMAGE = "inclavare.test/mounted:1";
    before(async () => {
      const file = shim.bed.path("image.tar");
      await writeImageArchive(file, { name: IMAGE, command: ["/bin/sleep", "1000"] });
      const { status, stderr } = shim.ctr("images", "import", file);
      assert.equal(status, 0, stderr);
    });

    function mounted(id: string): string {
      shim.expectSocket(id);
      const flags = ["--detach", "--null-io", ...shim.containerd.fifoFlags, "--runtime", "io.containerd.rune.v2"];
      const started = shim.ctr("run", ...flags, IMAGE, id);
      assert.equal(started.status, 0, started.stderr);
      const point = join(shim.bundle(id), "rootfs", "tmp");
      assert.equal(spawnSync("mount", ["-t", "tmpfs", "tmpfs", point]).status, 0);
      return point;
    }
    const isMounted = (point: string): boolean => readFileSync("/proc/self/mounts", "utf8").includes(point);

    it("Delete takes all of it away", async () => {
      const point = mounted("mounted");
      shim.ctr("task", "kill", "--signal", "KILL", "mounted");
      await shim.until("the end", () => shim.status("mounted") === "STOPPED");
      shim.deleted("mounted", 137);
      assert.equal(isMounted(point), false);
      assert.equal(existsSync(shim.bundle("mounted")), false);
    });

    it("so does delete, when the shim was killed", async () => {
      const point = mounted("mounted-killed");
      process.kill(shim.shims("mounted-killed")[0] ?? assert.fail(), "SIGKILL");
      await shim.until("containerd has cleaned up", () => !existsSync(shim.bundle("mounted-killed")));
      assert.equal(isMounted(point), false);
      shim.ctr("container", "delete", "mounted-killed");
    });
  });
});
