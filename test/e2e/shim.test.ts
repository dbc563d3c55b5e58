import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cannotRun } from "../support/testbed.ts";
import { ShimBed } from "../support/shim-bed.ts";

interface Counted {
  readonly pids: { readonly current: number };
  readonly cpu: { readonly usage: { readonly total: number } };
}

let shim: ShimBed;
let events: { text(): string };

/** What happened to a container, in the order in which containerd was told. */
function topics(id: string): string[] {
  return events
    .text()
    .split("\n")
    .filter((line) => line.includes(`"container_id":"${id}"`))
    .map((line) => / \/tasks\/([a-z-]+) /u.exec(line)?.[1] ?? line);
}

describe("containers under containerd-shim-rune-v2", { skip: cannotRun("containerd", "ctr", "busybox") }, () => {
  before(async () => {
    shim = await ShimBed.start("shim");
    events = shim.containerd.watchEvents();
  });
  after(async () => assert.deepEqual(await shim.close(), []));

  it("run to the end, with output and exit code", () => {
    const ended = shim.sh("seven", "echo out; echo err >&2; exit 7");
    assert.equal(ended.status, 7, ended.stderr);
    assert.equal(ended.stdout, "out\n");
    assert.match(ended.stderr, /err\n/u);
  });

  it("that a signal ends report 128 and its number", async () => {
    shim.detached("killed", "sleep 100");
    assert.equal(shim.ctr("task", "kill", "--signal", "9", "killed").status, 0);
    await shim.until("the end", () => shim.status("killed") === "STOPPED");
    assert.match(shim.ctr("task", "kill", "--signal", "9", "killed").stderr, /process already finished/u);
    shim.deleted("killed", 137);
  });

  it("get their input, and its end", async () => {
    const ran = await shim.run([...shim.runArgs("--rm"), "input", "/bin/cat"], async (stdin) => {
      await sleep(1_000); // ctr loses an end that comes before the container
      stdin.write("typed\n");
      stdin.end();
    });
    assert.deepEqual([ran.status, ran.stdout], [0, "typed\n"], ran.stderr);
  });

  it("hand on more output than any pipe holds, complete", async () => {
    const command = "dd if=/dev/zero bs=65536 count=160 2>/dev/null | tail -c 10485760";
    const ran = await shim.run([...shim.runArgs("--rm"), "much", "/bin/sh", "-c", command]);
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(ran.stdout.length, 160 * 65_536);
  });

  it("let processes of another user open their standard output anew", () => {
    shim.detached("user", "sleep 100");
    const script = "id -u; echo anew > /dev/stdout; echo err > /dev/stderr";
    const ended = shim.exec("user", "one", ["/bin/sh", "-c", script], "--user", "1234:1234");
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(ended.stdout, "1234\nanew\n");
    shim.removed("user");
  });

  it("that cannot be started say why, in runc's words, and leave nothing", () => {
    const failed = shim.ctr(...shim.runArgs("--rm"), "missing", "/bin/nothing");
    assert.equal(failed.status, 1);
    assert.match(
      failed.stderr,
      /OCI runtime create failed: runc create failed: .*\/bin\/nothing.*no such file or directory/u,
    );
    assert.deepEqual(topics("missing"), []);
  });

  it("have a terminal", async () => {
    const script = "sleep 1; test -t 0 && test -t 1 && stty size; read line; echo got $line; exit 3";
    const args = [...shim.runArgs("--rm", "--tty"), "terminal", "/bin/sh", "-c", script];
    const { status, stdout: output } = await shim.runInTerminal(args, async (keys) => {
      await sleep(1_500);
      keys.write("typed\n");
    });
    assert.equal(status, 3, output);
    assert.match(output, /33 77\r/u);
    assert.match(output, /got typed\r/u);
  });

  it("tell their life in order, also when it is very short", async () => {
    for (const id of ["quick1", "quick2", "quick3"]) assert.equal(shim.sh(id, "exit 0").status, 0);
    await shim.until("events", () => topics("quick3").length === 4);
    for (const id of ["quick1", "quick2", "quick3"])
      assert.deepEqual(topics(id), ["create", "start", "exit", "delete"]);
  });

  it("run further processes, whose exit codes are their own", async () => {
    shim.detached("execs", "sleep 100");
    const ran = shim.exec("execs", "one", ["/bin/sh", "-c", "echo in; exit 5"]);
    assert.deepEqual([ran.status, ran.stdout], [5, "in\n"], ran.stderr);
    const missing = shim.exec("execs", "two", ["/bin/nothing"]);
    assert.match(missing.stderr, /OCI runtime exec failed: .*no such file or directory/u);
    const again = shim.exec("execs", "two", ["/bin/true"]);
    assert.equal(again.status, 0, "the id is free again");
    await shim.until("events", () => topics("execs").filter((topic) => topic === "exit").length === 2);
    const seen = topics("execs").filter((topic) => topic !== "create" && topic !== "start");
    assert.deepEqual(seen, ["exec-added", "exec-started", "exit", "exec-added", "exec-added", "exec-started", "exit"]);
    assert.equal(shim.ctr("task", "kill", "--signal", "9", "execs").status, 0);
    await shim.until("the end", () => shim.status("execs") === "STOPPED");
    const late = shim.exec("execs", "three", ["/bin/true"]);
    assert.match(late.stderr, /cannot exec in a stopped state/u);
    shim.deleted("execs", 137);
  });

  it("run fifty further processes at once, and lose none", async () => {
    shim.detached("many", "sleep 100");
    const command = ["task", "exec", ...shim.containerd.fifoFlags];
    const ran = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        shim.run([...command, "--exec-id", `n${index}`, "many", "/bin/sh", "-c", `echo ${index}; exit ${index}`]),
      ),
    );
    assert.deepEqual(
      ran.map(({ status, stdout }) => [status, stdout]),
      ran.map((_, index) => [index, `${index}\n`]),
    );
    shim.removed("many");
  });

  it("are paused, resumed, limited and counted", async () => {
    shim.detached("paused", "exec sleep 100");
    assert.equal(shim.ctr("task", "pause", "paused").status, 0);
    assert.equal(shim.status("paused"), "PAUSED");
    assert.equal(shim.ctr("task", "resume", "paused").status, 0);
    assert.equal(shim.status("paused"), "RUNNING");
    const metrics = shim.ctr("task", "metrics", "--format", "json", "paused");
    assert.equal(metrics.status, 0, metrics.stderr);
    const { pids: counted, cpu } = JSON.parse(metrics.stdout) as Counted;
    assert.equal(counted.current, 1);
    assert.ok(cpu.usage.total > 0);
    const pids = shim.ctr("task", "ps", "paused").stdout.trim().split("\n");
    assert.equal(pids.length, 2, pids.join("|"));
    shim.removed("paused");
    await shim.until("events", () => topics("paused").includes("delete"));
    assert.deepEqual(topics("paused"), ["create", "start", "paused", "resumed", "exit", "delete"]);
  });

  it("that use more memory than they may are told of", async () => {
    const command = "tail -c 200000000 /dev/zero | wc -c";
    const ended = shim.sh("oom", command, "--memory-limit", String(16 << 20));
    assert.notEqual(ended.stdout.trim(), "200000000");
    await shim.until("the event", () => topics("oom").includes("delete"));
    assert.ok(topics("oom").includes("oom"), topics("oom").join(" "));
    assert.ok(topics("oom").indexOf("oom") < topics("oom").indexOf("exit"));
  });

  it("write to a file without anybody between", async () => {
    const file = shim.bed.path("logs", "out.log");
    const args = [...shim.runArgs("--detach", "--log-uri", `file://${file}`), "filed", "/bin/sh", "-c"];
    assert.equal(shim.ctr(...args, "echo to a file; echo err >&2").status, 0);
    await shim.until("the end", () => shim.status("filed") === "STOPPED");
    assert.equal(readFileSync(file, "utf8"), "to a file\nerr\n");
    shim.deleted("filed", 0);
  });

  it("write to a logger, which is told whose output it gets", async () => {
    const file = shim.bed.path("logger.out");
    const logger = shim.bed.path("logger.sh");
    const script = `#!/bin/sh\necho "$CONTAINER_NAMESPACE/$CONTAINER_ID $*" > ${file}\nexec 5>&-\ncat <&3 >> ${file}\n`;
    writeFileSync(logger, script, { mode: 0o755 });
    const args = [
      ...shim.runArgs("--detach", "--log-uri", `binary://${logger}?key=value`),
      "logged",
      "/bin/echo",
      "hi",
    ];
    const ran = shim.ctr(...args);
    assert.equal(ran.status, 0, ran.stderr);
    await shim.until("the end", () => shim.status("logged") === "STOPPED");
    shim.deleted("logged", 0);
    assert.equal(readFileSync(file, "utf8"), `${shim.namespace}/logged key value\nhi\n`);
  });
});
