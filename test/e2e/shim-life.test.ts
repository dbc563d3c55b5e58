import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bytes, int32, message, nested, type RemoteMethod, text, uint32 } from "@inclavare/ttrpc";
import { BIN, cannotRun } from "../support/testbed.ts";
import { ShimBed } from "../support/shim-bed.ts";

const SHIM = join(BIN, "containerd-shim-rune-v2");
let shim: ShimBed;

/** The Task service as anybody may call it who knows its fields. */
const request = message({ id: text(1), execId: text(2), signal: uint32(3) });
const execRequest = message({
  id: text(1),
  execId: text(2),
  spec: nested(7, message({ typeUrl: text(1), value: bytes(2) })),
});
const answer = message({ first: uint32(1), second: uint32(2) });
function task(
  method: string,
  version = 2,
): RemoteMethod<{ id?: string; execId?: string; signal?: number }, { first: number; second: number }> {
  return { service: `containerd.task.v${version}.Task`, method, request, response: answer };
}

describe("the life of containerd-shim-rune-v2", { skip: cannotRun("containerd", "ctr", "busybox") }, () => {
  before(async () => {
    shim = await ShimBed.start("shimlife");
  });
  after(async () => assert.deepEqual(await shim.close(), []));

  /** `start` or `delete` as containerd calls it. */
  function call(bundle: string, id: string, action: string, input: Uint8Array = new Uint8Array()) {
    const flags = [
      "-namespace",
      shim.namespace,
      "-address",
      shim.containerd.address,
      "-publish-binary",
      "x",
      "-id",
      id,
    ];
    const startedAt = performance.now();
    const ran = spawnSync(SHIM, [...flags, action], {
      cwd: bundle,
      input,
      timeout: 10_000,
      env: { ...shim.bed.env, TTRPC_ADDRESS: shim.containerd.ttrpcAddress },
    });
    return {
      ...ran,
      stdout: ran.stdout.toString("latin1"),
      stderr: ran.stderr.toString(),
      ms: performance.now() - startedAt,
    };
  }

  function bundleOf(id: string, annotations: Record<string, string> = {}): string {
    const bundle = shim.bed.path("bundles", id);
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, "config.json"), JSON.stringify({ ociVersion: "1.0.2", annotations }));
    return bundle;
  }

  it("start: listens before it ends, says nothing else, and takes every form of input", async () => {
    const options = message({ typeUrl: text(1), value: bytes(2) });
    const bootstrap = message({ id: text(1), namespace: text(2), logLevel: int32(3) });
    const inputs = {
      nothing: new Uint8Array(),
      options: options.encode({ typeUrl: "containerd.runc.v1.Options" }),
      garbage: Buffer.from([0xff, 0xff]),
      bootstrap: bootstrap.encode({ id: "bootstrap", namespace: shim.namespace, logLevel: -4 }),
    };
    for (const [id, input] of Object.entries(inputs)) {
      const bundle = bundleOf(id);
      const started = call(bundle, id, "start", input);
      assert.deepEqual([started.status, started.stderr], [0, ""], id);
      assert.match(started.stdout, /^unix:\/\/\/run\/containerd\/s\/[0-9a-f]{64}$/u);
      assert.equal(readFileSync(join(bundle, "address"), "utf8"), started.stdout);
      using client = shim.clientOf(started.stdout);
      const { first: shimPid } = await client.call(task("Connect"), { id: "unknown" }, { timeoutMs: 5_000 });
      assert.equal(
        readFileSync(`/proc/${shimPid}/oom_score_adj`, "utf8").trim(),
        String(Math.min(ownScore() + 1, 1000)),
      );
      await client.call(task("Shutdown", 3), { id }, { timeoutMs: 5_000 });
      await client.closed;
    }
    await shim.until("the shims have ended", () => shim.shims().length === 0);
  });

  it("start: refuses what it cannot do with a status and a reason", () => {
    const bundle = bundleOf("refused");
    for (const args of [["-id", "x", "start"], ["-namespace", "x", "-id", "y", "stop"], ["-nope"]]) {
      const ran = spawnSync(SHIM, args, { cwd: bundle, encoding: "utf8", timeout: 10_000 });
      assert.equal(ran.status, 1);
      assert.match(ran.stderr, /\(ERR_USAGE\)\n$/u);
    }
    writeFileSync(join(bundle, "config.json"), "no json");
    const ran = call(bundle, "refused", "start");
    assert.deepEqual([ran.status, ran.stdout], [1, ""]);
    assert.match(ran.stderr, /config\.json of the bundle is not JSON/u);
  });

  it("start: joins the shim of its pod, and replaces one that was killed", async () => {
    const pod = { "io.kubernetes.cri.sandbox-id": `pod-of-${shim.namespace}` };
    const first = call(bundleOf("pod1", pod), "pod1", "start");
    assert.equal(call(bundleOf("pod2", pod), "pod2", "start").stdout, first.stdout);
    assert.equal(shim.shims().length, 1);
    process.kill(shim.shims()[0] ?? assert.fail(), "SIGKILL");
    await shim.until("it is dead", () => shim.shims().length === 0);
    const again = call(bundleOf("pod3", pod), "pod3", "start");
    assert.equal(again.stdout, first.stdout);
    assert.equal(shim.shims().length, 1);
    using client = shim.clientOf(again.stdout);
    await client.call(task("Shutdown"), { id: "pod3" }, { timeoutMs: 5_000 });
    await client.closed;
    await shim.until("the socket is gone", () => !existsSync(again.stdout.replace("unix://", "")));
  });

  it("delete: changes nothing where there is nothing, and removes a dead shim's socket", async () => {
    const bundle = bundleOf("gone");
    const started = call(bundle, "gone", "start");
    const socket = started.stdout.replace("unix://", "");
    assert.equal(call(bundle, "gone", "delete").status, 0);
    assert.ok(existsSync(socket), "a living shim keeps its socket");
    process.kill(shim.shims("gone")[0] ?? assert.fail(), "SIGKILL");
    await shim.until("it is dead", () => shim.shims("gone").length === 0);
    const deleted = call(bundle, "gone", "delete");
    assert.equal(deleted.status, 0);
    assert.equal(answer.decode(Buffer.from(deleted.stdout, "latin1")).second, 137);
    assert.ok(!existsSync(socket));
  });

  it("-info and -v say what it is", () => {
    const info = spawnSync(SHIM, ["-info"], { input: "", timeout: 10_000, env: shim.bed.env });
    assert.deepEqual([info.status, info.stderr.toString()], [0, ""]);
    const features = nested(4, message({ typeUrl: text(1), value: text(2) }));
    const decoded = message({ name: text(1), features }).decode(info.stdout);
    assert.equal(decoded.name, "io.containerd.rune.v2");
    // runc before 1.1 does not say what it can do.
    if (decoded.features !== undefined) assert.ok("linux" in JSON.parse(decoded.features.value));
    assert.match(spawnSync(SHIM, ["-v"], { encoding: "utf8" }).stdout, /^containerd-shim-rune-v2 \d/u);
  });

  it("two containers of a pod share one shim; it goes with the last one", async () => {
    const pod = ["--annotation", `io.kubernetes.cri.sandbox-id=${shim.namespace}`];
    shim.detached("first", "sleep 100", ...pod);
    shim.detached("second", "sleep 100", ...pod);
    assert.equal(shim.shims().length, 1);
    shim.removed("first");
    await sleep(300);
    assert.equal(shim.shims().length, 1);
    assert.equal(shim.status("second"), "RUNNING");
    shim.removed("second");
    await shim.until("the shim has ended", () => shim.shims().length === 0);
  });

  it("answers with the codes that containerd looks for", async () => {
    shim.detached("codes", "sleep 100");
    using client = shim.clientOf(shim.address("codes"));
    const code = async (method: string, fields: { execId?: string; signal?: number; id?: string }, version = 2) =>
      await client
        .call({ ...task(method, version), response: message({}) }, { id: "codes", ...fields }, { timeoutMs: 5_000 })
        .then(
          () => 0,
          (error: { status: number }) => error.status,
        );
    const exec = async (execId: string) =>
      await client
        .call(
          { ...task("Exec"), request: execRequest },
          {
            id: "codes",
            execId,
            spec: { typeUrl: "x/Process", value: Buffer.from('{"args":["/bin/true"],"cwd":"/"}') },
          },
        )
        .then(
          () => 0,
          (error: { status: number }) => error.status,
        );
    assert.equal(await code("State", { id: "unknown" }), 5);
    assert.equal(await code("State", { execId: "unknown" }), 5);
    assert.equal(await code("Pids", { id: "unknown" }), 5);
    assert.equal(await code("Connect", { id: "unknown" }), 0);
    assert.equal(await code("Nothing", {}), 12);
    assert.equal(await code("State", {}, 4), 12);
    assert.equal(await code("Start", {}), 2, "it runs already");
    assert.equal(await code("Delete", {}), 2, "it runs");
    assert.equal(await exec("one"), 0);
    assert.equal(await exec("one"), 6);
    assert.equal(await exec("../one"), 3);
    assert.equal(await code("Kill", { execId: "one", signal: 9 }), 9, "it was not started");
    assert.equal(await code("Kill", { signal: 9 }), 0);
    assert.equal(await code("Wait", {}), 0);
    assert.equal(await code("Start", { execId: "one" }), 9, "the container has ended");
    assert.equal(await exec("two"), 2);
    assert.equal(await code("Kill", { signal: 9 }), 5);
    assert.equal(await code("Shutdown", {}), 0, "it is still needed");
    const both = await Promise.all([code("Delete", {}), code("Delete", {})]);
    assert.deepEqual(both, [0, 0], "a repeated call waits for the first one");
    assert.equal(await code("Delete", {}), 5);
    // containerd does not know that its container is gone; the death of the shim tells it.
    process.kill(shim.shims("codes")[0] ?? assert.fail(), "SIGKILL");
    await shim.until("containerd has cleaned up", () => !existsSync(shim.bundle("codes")));
    shim.ctr("container", "delete", "codes");
  });

  it("survives bad input on its socket", async () => {
    shim.detached("fuzzed", "sleep 100");
    const path = shim.address("fuzzed").replace("unix://", "");
    for (const hex of ["00", "ffffffff0000000101000000", "00000003000000020100ffffff", "00000003000000010100ffffff"]) {
      const socket = connect(path);
      socket.on("error", () => undefined);
      socket.end(Buffer.from(hex, "hex"));
      await sleep(20);
    }
    assert.equal(shim.status("fuzzed"), "RUNNING");
    shim.removed("fuzzed");
  });

  it("a restart of containerd loses neither output nor the exit", async () => {
    const file = shim.bed.path("restart.log");
    const args = [...shim.runArgs("--detach", "--log-uri", `file://${file}`), "restart", "/bin/sh", "-c"];
    assert.equal(shim.ctr(...args, "sleep 1; echo still here; sleep 1; exit 9").status, 0);
    shim.detached("stays", "sleep 100");
    const pids = shim.shims();
    await shim.containerd.kill();
    await sleep(3_000);
    await shim.containerd.launch();
    assert.deepEqual(shim.shims(), pids);
    assert.equal(shim.status("restart"), "STOPPED");
    assert.equal(shim.status("stays"), "RUNNING");
    assert.equal(readFileSync(file, "utf8"), "still here\n");
    shim.deleted("restart", 9);
    assert.equal(shim.exec("stays", "one", ["/bin/echo", "ok"]).stdout, "ok\n");
    shim.removed("stays");
  });

  it("killed, it takes its containers along, and containerd says 137", async () => {
    const events = shim.containerd.watchEvents();
    await sleep(300);
    shim.detached("orphan", "sleep 100");
    const pid = Number(readFileSync(join(shim.bundle("orphan"), "init.pid"), "utf8"));
    const socket = shim.socket("orphan");
    assert.ok(existsSync(socket));
    process.kill(shim.shims("orphan")[0] ?? assert.fail(), "SIGKILL");
    await shim.until("containerd has cleaned up", () => !existsSync(shim.bundle("orphan")));
    assert.ok(!existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
    assert.ok(!existsSync(socket));
    await shim.until("the event", () => /\/tasks\/exit .*"orphan".*"exit_status":137/u.test(events.text()));
    shim.ctr("container", "delete", "orphan");
  });

  it("a FIFO that nobody reads holds up nothing but itself", async () => {
    const folder = shim.bed.path("unread");
    mkdirSync(folder);
    spawnSync("mkfifo", [join(folder, "out")]);
    const args = [...shim.runArgs("--detach", "--log-uri", `fifo://${join(folder, "out")}`), "unread", "/bin/sh", "-c"];
    const ran = shim.ctr(...args, "dd if=/dev/zero bs=65536 count=100; sleep 100");
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(shim.exec("unread", "one", ["/bin/echo", "ok"]).stdout, "ok\n");
    shim.removed("unread");
  });

  it("output that a process left behind keeps open does not keep the deletion for ever", async () => {
    const started = shim.ctr(...shim.runArgs("--detach", "--null-io"), "grandchild", "/bin/sh", "-c", "sleep 100");
    assert.equal(started.status, 0);
    const exec = ["task", "exec", "--exec-id", "one", ...shim.containerd.fifoFlags, "grandchild"];
    const ran = await shim.run([...exec, "/bin/sh", "-c", "sleep 60 & echo gone"]);
    assert.match(ran.stdout, /gone/u);
    shim.removed("grandchild");
  });

  it("leaves no file of its own in a bundle's neighbourhood", () => {
    assert.deepEqual(readdirSync(shim.containerd.bundles(shim.namespace)), []);
  });
});

function ownScore(): number {
  return Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
}
