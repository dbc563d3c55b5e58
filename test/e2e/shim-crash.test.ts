/** SIGKILL of the shim, of containerd and of a container's first process, at every step of its life. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HeldRuntime } from "../support/held-runtime.ts";
import { ShimBed } from "../support/shim-bed.ts";
import { cannotRun } from "../support/testbed.ts";

type Victim = "shim" | "containerd" | "init";
/** Where the low-level runtime is held, and who is killed there; a container that is not made yet has no process. */
const MOMENTS: readonly (readonly [moment: string, victims: readonly Victim[]])[] = [
  ["before-create", ["shim", "containerd"]],
  ["after-create", ["shim", "containerd", "init"]],
  ["before-start", ["shim", "containerd", "init"]],
  ["after-start", ["shim", "containerd", "init"]],
  ["before-exec", ["shim", "containerd", "init"]],
  ["after-exec", ["shim", "containerd", "init"]],
  ["before-kill", ["shim", "containerd", "init"]],
  ["after-kill", ["shim", "containerd"]],
  ["before-delete", ["shim", "containerd"]],
  ["after-delete", ["shim", "containerd"]],
];

/** When containerd dies, ctr may wait for ever. */
const CTR_MS = 4_000;

let shim: ShimBed;
let runtime: HeldRuntime;
let events: { text(): string };

function commandOf(moment: string, id: string): string[] {
  switch (moment.replace(/^[a-z]+-/u, "")) {
    case "exec":
      return ["task", "exec", "--detach", "--exec-id", "one", ...shim.containerd.fifoFlags, id, "/bin/sleep", "100"];
    case "kill":
      return ["task", "kill", "--signal", "KILL", id];
    case "delete":
      return ["task", "delete", id];
    default:
      return [...shim.runArgs("--detach", "--null-io", ...runtime.flags), id, "/bin/sleep", "100"];
  }
}

function kill(victim: Victim, id: string): Promise<void> | void {
  if (victim === "containerd") return shim.containerd.kill();
  const pid = victim === "shim" ? shim.shims(id)[0] : Number(readFileSync(join(shim.bundle(id), "init.pid"), "utf8"));
  process.kill(pid ?? assert.fail(`${id} has no shim`), "SIGKILL");
}

/** The statuses with which the container's own end was told. */
function exits(id: string): number[] {
  const pattern = new RegExp(`/tasks/exit .*"container_id":"${id}","id":"${id}".*"exit_status":(\\d+)`, "u");
  return events
    .text()
    .split("\n")
    .flatMap((line) => pattern.exec(line)?.[1] ?? [])
    .map(Number);
}

/** Brings the container to where the command under test begins. */
async function prepare(moment: string, id: string): Promise<void> {
  if (/create|start/u.test(moment)) return;
  const started = shim.ctr(...commandOf("before-create", id));
  assert.equal(started.status, 0, started.stderr);
  if (!moment.endsWith("delete")) return;
  shim.ctr("task", "kill", "--signal", "KILL", id);
  await shim.until("the end", () => shim.status(id) === "STOPPED");
}

/** As an operator would: whatever is still there is removed by force. */
async function remove(id: string): Promise<void> {
  await shim.until("it can be removed", () => {
    shim.ctr("task", "delete", "--force", id);
    shim.ctr("container", "delete", id);
    return !shim.ctr("container", "list", "--quiet").stdout.split("\n").includes(id);
  });
}

describe("crashes under containerd-shim-rune-v2", { skip: cannotRun("containerd", "ctr", "busybox") }, () => {
  before(async () => {
    shim = await ShimBed.start("shimcrash");
    runtime = new HeldRuntime(shim);
    events = shim.containerd.watchEvents();
  });
  afterEach(() => runtime.release());
  after(async () => assert.deepEqual(await shim.close(), []));

  for (const [moment, victims] of MOMENTS)
    for (const victim of victims)
      it(`${victim} killed ${moment.replace("-", " ")}: nothing is left, and the end is told`, async () => {
        const id = `${victim}-${moment}`;
        await prepare(moment, id);
        runtime.hold(moment);
        const command = shim.run(commandOf(moment, id), undefined, CTR_MS);
        await runtime.reached(moment);
        await kill(victim, id);
        runtime.release();
        if (victim === "shim") await shim.until("containerd has cleaned up", () => !existsSync(shim.bundle(id)));
        await command;
        if (victim === "containerd") {
          await shim.containerd.launch();
          events = shim.containerd.watchEvents();
          await sleep(200); // until it listens
        }
        if (victim === "init" && shim.status(id) !== "") {
          await shim.until("the end is known", () => shim.status(id) === "STOPPED");
          await shim.until("the end is told", () => exits(id).length > 0);
          assert.deepEqual(exits(id), [137]);
          shim.deleted(id, 137);
        }
        await remove(id);
        await shim.until("the shim has ended", () => shim.shims(id).length === 0);
        assert.deepEqual(shim.tracesOf(id), []);
      });
});
