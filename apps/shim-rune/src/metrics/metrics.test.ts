import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Counter, Gauge, Histogram } from "./exposition.ts";
import { startMetrics } from "./start.ts";

const scratch = mkdtempSync(join(tmpdir(), "inclavare-metrics-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

describe("exposition", () => {
  it("counts, measures, and escapes", () => {
    const counter = new Counter("c_total", "Back\\slash and\nline.", "what");
    for (const value of ["a", "a", 'q"u\\o\nte']) counter.add(value);
    assert.equal(
      counter.render(),
      '# HELP c_total Back\\\\slash and\\nline.\n# TYPE c_total counter\nc_total{what="a"} 2\nc_total{what="q\\"u\\\\o\\nte"} 1\n',
    );
    assert.equal(new Gauge("g", "G.", () => 7).render(), "# HELP g G.\n# TYPE g gauge\ng 7\n");
  });

  it("has cumulative buckets whose bounds count, and +Inf last", () => {
    const histogram = new Histogram("h_seconds", "H.", "m", [0.5, 1]);
    for (const value of [0.5, 0.75, 2]) histogram.observe("x", value);
    assert.deepEqual(histogram.render().split("\n").slice(2), [
      'h_seconds_bucket{m="x",le="0.5"} 1',
      'h_seconds_bucket{m="x",le="1"} 2',
      'h_seconds_bucket{m="x",le="+Inf"} 3',
      'h_seconds_sum{m="x"} 3.25',
      'h_seconds_count{m="x"} 3',
      "",
    ]);
  });
});

const FACTS = { version: "1", revision: "r", namespace: "n", id: "i", containers: () => 2, processes: () => 3 };

async function ask(path: string, request: string): Promise<string> {
  const socket = connect(path);
  socket.write(request);
  return await text(socket);
}

describe("startMetrics", () => {
  it("serves GET /metrics for root alone, and nothing else", async () => {
    const folder = join(scratch, "serves");
    const { metrics, close } = await startMetrics(folder, FACTS);
    const [name = ""] = readdirSync(folder);
    const path = join(folder, name);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    metrics.called("Create", 0.2, true);
    metrics.called("Create", 0.2, false);
    for (const status of [0, 1, 137]) metrics.exited(status);
    const answer = await ask(path, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain; version=0\.0\.4/u);
    for (const line of [
      'inclavare_shim_build_info{version="1",revision="r"} 1',
      "inclavare_shim_containers 2",
      'inclavare_shim_exits_total{result="signal"} 1',
      'inclavare_shim_call_duration_seconds_bucket{method="Create",le="0.25"} 2',
      'inclavare_shim_call_failures_total{method="Create"} 1',
    ])
      assert.ok(answer.includes(`\n${line}\n`), line);
    const { length } = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    assert.match(answer, new RegExp(`Content-Length: ${length}\\r\\n`, "u"));
    assert.match(await ask(path, "GET / HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 404 /u);
    assert.match(await ask(path, "POST /metrics HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 405 /u);
    assert.match(await ask(path, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /u);
    assert.match(await ask(path, "x".repeat(9000)), /^HTTP\/1\.1 400 /u);
    close();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("takes the sockets of the dead away, and leaves those of the living", async () => {
    const folder = join(scratch, "dead");
    mkdirSync(folder, { mode: 0o700 });
    const [dead, living] = [join(folder, `shim-${"0".repeat(16)}.sock`), join(folder, `shim-${"1".repeat(16)}.sock`)];
    const server = createServer().listen(living);
    await leaveSocket(dead);
    const { close } = await startMetrics(folder, FACTS);
    for (const deadline = Date.now() + 5_000; existsSync(dead) && Date.now() < deadline;) await sleep(10);
    assert.deepEqual([existsSync(dead), existsSync(living)], [false, true]);
    close();
    server.close();
  });

  it("refuses a folder that others can enter", async () => {
    const folder = join(scratch, "open");
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    await assert.rejects(startMetrics(folder, FACTS), { code: "ERR_FILE" });
  });
});

/** A socket at which nobody listens any more, as a process that was killed leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  const child = spawn(process.execPath, ["-e", script]);
  await new Promise((resolve) => child.once("exit", resolve));
  assert.ok(existsSync(path));
}
