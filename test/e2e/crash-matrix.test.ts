import assert from "node:assert/strict";
import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { plainProbe } from "../conformance/probe.ts";
import { random } from "../support/random.ts";
import { Probes } from "../support/probes.ts";
import { cannotRun } from "../support/testbed.ts";

/** How many processes are killed; a night takes hundreds. */
const ROUNDS = Number(process.env["CRASH_ROUNDS"] ?? 20);
/** The same seed gives the same rounds, as far as a machine does the same twice. */
const SEED = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000);
const COMMAND_DEADLINE_MS = 30_000;
const QUIET_DEADLINE_MS = 10_000;

type Moment = "create" | "start" | "exec" | "kill" | "delete";
type Victim = "rune" | "runc" | "init" | "workload";

/** How long a command lasts, about: when to kill is chosen in there. Whoever comes too late knows better. */
const LASTS_MS: Record<Moment, number> = { create: 600, start: 150, exec: 300, kill: 150, delete: 250 };
const PLAIN_LASTS_MS = 100;
/** Who can be killed when. */
const PAIRS: readonly (readonly [Moment, Victim])[] = [
  ["create", "rune"],
  ["create", "runc"],
  ["create", "init"],
  ["start", "rune"],
  ["start", "init"],
  ["exec", "rune"],
  ["exec", "runc"],
  ["exec", "init"],
  ["exec", "workload"],
  ["kill", "rune"],
  ["kill", "init"],
  ["delete", "rune"],
  ["delete", "runc"],
  ["delete", "init"],
];

interface Round {
  readonly moment: Moment;
  readonly victim: Victim;
  readonly enclave: boolean;
  /** When, as a part of the time that the command takes. */
  readonly part: number;
}

/**
 * What runc itself forgets of a plain container when it is killed between making cgroups and writing that down: rune has
 * become runc by then, and nobody else knows of them.
 */
function withoutForgotten(traces: readonly string[]): string[] {
  return traces.filter((trace) => {
    if (!trace.startsWith("/sys/fs/cgroup/")) return true;
    rmdirSync(trace); // throws when anybody is in there
    return false;
  });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it was quicker
  }
}

/** Every pair comes in turn; only the time and the sort of container are left to chance. */
function plan(): Round[] {
  const next = random(SEED);
  return Array.from({ length: ROUNDS }, (_, index) => {
    const [moment, victim] = PAIRS[index % PAIRS.length] ?? ["create", "rune"];
    return { moment, victim, enclave: next() < 0.75, part: next() };
  });
}

interface Process {
  readonly pid: number;
  readonly words: string;
}

describe("crashes", { skip: cannotRun() }, () => {
  let probes: Probes;
  const bundles = new Map<boolean, string>();
  before(async () => {
    probes = await Probes.create("crash");
    bundles.set(true, probes.bundle(["sleep"]));
    const plain = probes.bed.bundle("plain", { "app.wasm": plainProbe() }, (spec) => {
      spec.process.args = ["/app.wasm", "sleep"];
    });
    bundles.set(false, plain);
    probes.bed.env["TMPDIR"] = probes.bed.path("tmp"); // so that temporary files are counted as well
    mkdirSync(probes.bed.path("tmp"));
  });
  after(async () => await probes.close());

  /** Processes of the machine that `is` recognises by command line and cgroup. */
  function processes(is: (words: string, cgroup: string) => boolean): Process[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/u.test(name))
      .flatMap((name) => {
        try {
          const words = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
          const dead = readFileSync(`/proc/${name}/stat`, "utf8").includes(") Z ");
          return !dead && is(words, readFileSync(`/proc/${name}/cgroup`, "utf8")) ? [{ pid: Number(name), words }] : [];
        } catch {
          return []; // ended while we looked
        }
      });
  }

  /** Whoever is the victim now; several where it is not one alone. */
  function find(victim: Victim, container: string, rune: ChildProcess): number[] {
    if (victim === "rune") return rune.pid === undefined ? [] : [rune.pid];
    const inside = processes((_, cgroup) => cgroup.includes(container)).map(({ pid }) => pid);
    if (victim === "init") return inside.slice(0, 1);
    if (victim === "workload") return inside.slice(1);
    const root = probes.bed.path("runc");
    // For a plain container rune itself becomes runc.
    return processes((words) => words.startsWith("runc") || words.includes("/runc "))
      .filter(({ pid, words }) => words.includes(root) || isAtHome(pid))
      .map(({ pid }) => pid);
  }

  /** runc's second self names no container: it is known by its working directory. */
  function isAtHome(pid: number): boolean {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(probes.bed.directory);
    } catch {
      return false;
    }
  }

  function command(moment: Moment, container: string, enclave: boolean): string[] {
    const words: Readonly<Record<Moment, readonly string[]>> = {
      create: ["create", "--bundle", bundles.get(enclave) ?? "", container],
      start: ["start", container],
      exec: ["exec", container, "/app.wasm", "sleep"],
      kill: ["kill", container, "TERM"],
      delete: ["delete", "--force", container],
    };
    return [...words[moment]];
  }

  /** From the chosen time on, as soon as there is somebody. @returns whether there was, before the command had ended */
  async function killVictim(victim: Victim, container: string, rune: ChildProcess): Promise<boolean> {
    while (rune.exitCode === null && rune.signalCode === null) {
      const victims = find(victim, container, rune);
      for (const pid of victims) killIfThere(pid);
      if (victims.length > 0) return true;
      await sleep(1);
    }
    return false;
  }

  /** Waits until nobody outside the container works on it any more. */
  async function quiet(container: string): Promise<void> {
    const working = (): Process[] =>
      processes((words, cgroup) => words.includes(container) && !cgroup.includes(container));
    for (const deadline = Date.now() + QUIET_DEADLINE_MS; working().length > 0; await sleep(20))
      if (Date.now() > deadline) throw new Error(`still at work: ${JSON.stringify(working())}`);
  }

  async function crash({ moment, victim, enclave, part }: Round): Promise<{ hit: boolean }> {
    const container = probes.id();
    const { bed } = probes;
    if (moment !== "create") {
      const made = bed.runeDetached(`${container}.out`, ...command("create", container, enclave));
      assert.equal(made.status, 0, made.output());
      if (moment !== "start") assert.equal(bed.rune("start", container).status, 0);
    }
    const rune = bed.spawnRune(command(moment, container, enclave), { stdio: "ignore" });
    const ended = once(rune, "exit", { signal: AbortSignal.timeout(COMMAND_DEADLINE_MS) });
    const startedAt = performance.now();
    await sleep(part * (enclave ? LASTS_MS[moment] : PLAIN_LASTS_MS));
    const hit = await killVictim(victim, container, rune);
    await ended;
    if (!hit && enclave) LASTS_MS[moment] = Math.min(LASTS_MS[moment], performance.now() - startedAt);
    // What runc is in the middle of, it brings to its end; only an exec lasts as long as the container does.
    if (moment !== "exec") await quiet(container);
    const { status, stderr } = bed.rune("delete", "--force", container);
    assert.equal(status, 0, stderr);
    await quiet(container);
    assert.deepEqual(enclave ? bed.traces(container) : withoutForgotten(bed.traces(container)), []);
    assert.deepEqual(readdirSync(bed.path("tmp")), []);
    assert.doesNotMatch(bed.rune("list", "-q").stdout, new RegExp(`^${container}$`, "mu"));
    return { hit };
  }

  it(`${ROUNDS} processes killed at any moment (seed ${SEED}): delete --force removes everything`, async (t) => {
    const failures: string[] = [];
    let hits = 0;
    for (const [index, round] of plan().entries()) {
      try {
        if ((await crash(round)).hit) hits++;
      } catch (error) {
        const { moment, victim, enclave, part } = round;
        const what = `${enclave ? "enclave" : "plain"} ${moment}, ${victim} killed at ${Math.round(part * 100)} %`;
        failures.push(`round ${index}: ${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    t.diagnostic(`${ROUNDS} rounds, somebody was there to be killed in ${hits}`);
    assert.deepEqual(failures, []);
    assert.ok(hits > ROUNDS / 3, "most came too late: the times no longer fit the commands");
  });
});
