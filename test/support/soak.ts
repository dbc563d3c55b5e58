import { setTimeout as sleep } from "node:timers/promises";
import type { ShimBed } from "./shim-bed.ts";

/** From the death of a shim on, for how long a container may still have been about to join it. */
const JOINS_MS = 1_000;
const DEADLINE_MS = 60_000;
const COMMAND_MS = 6_000;
const LOOK_MS = 150;
const SIGKILL_STATUS = 137;

export interface SoakPlan {
  readonly containers: number;
  readonly inFlight: number;
  /** containerd is killed and started again each time that so many containers have lived. */
  readonly restartEvery: number;
  /** How many shims are killed in all. */
  readonly kills: number;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

type Kind = "exits" | "killed" | "execs" | "pauses";

interface Life {
  readonly id: string;
  /** With whom it shares its shim. */
  readonly group: string;
  readonly kind: Kind;
  readonly code: number;
  startedAt: number;
}

export interface SoakReport {
  readonly lived: number;
  readonly restarts: number;
  readonly shimsKilled: number;
  /** Ends with 137 because the shim was killed. */
  readonly explained: number;
  /** Containers that could not be made because containerd or the shim was killed just then. */
  readonly refused: number;
  readonly seconds: number;
  /** Whatever was not as expected. */
  readonly failures: readonly string[];
}

/** Many containers with random lives, while containerd and shims are killed: see {@link SoakPlan}. */
export class Soak {
  readonly #shim: ShimBed;
  readonly #plan: SoakPlan;
  readonly #lives = new Map<string, Life>();
  readonly #kills: { readonly group: string; readonly at: number }[] = [];
  readonly #killAt: ReadonlySet<number>;
  readonly #failures: string[] = [];
  /** One for each life of containerd. */
  readonly #events: { text(): string }[] = [];
  /** Since containerd's start: what its tasks are. */
  #states: ReadonlyMap<string, string> = new Map();
  /** Odd while containerd is down. */
  #epoch = 0;
  #up: PromiseWithResolvers<void> = Promise.withResolvers();
  #counts = { lived: 0, explained: 0, refused: 0, restarts: 0 };

  constructor(shim: ShimBed, plan: SoakPlan) {
    this.#shim = shim;
    this.#plan = plan;
    const killAt = new Set<number>();
    while (killAt.size < plan.kills) killAt.add(Math.floor(plan.random() * plan.containers));
    this.#killAt = killAt;
    this.#up.resolve();
  }

  async run(): Promise<SoakReport> {
    const startedAt = performance.now();
    const over = new AbortController();
    this.#events.push(this.#shim.containerd.watchEvents());
    const looking = this.#look(over.signal);
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < this.#plan.containers) {
        const index = next++;
        const life = this.#newLife(index);
        if (this.#killAt.has(index)) void this.#killSoon();
        await this.#live(life).catch((error: unknown) => this.#fail(life, String(error)));
        this.#lives.delete(life.id);
        if (++this.#counts.lived % this.#plan.restartEvery === 0) await this.#restart();
      }
    };
    await Promise.all(Array.from({ length: this.#plan.inFlight }, lane));
    over.abort();
    await looking;
    return {
      ...this.#counts,
      shimsKilled: this.#kills.length,
      seconds: Math.round((performance.now() - startedAt) / 1000),
      failures: this.#failures,
    };
  }

  #newLife(index: number): Life {
    const { random } = this.#plan;
    const id = `soak${index}`;
    const kinds: readonly Kind[] = ["exits", "exits", "exits", "killed", "execs", "pauses"];
    const kind = kinds[Math.floor(random() * kinds.length)] ?? "exits";
    const group = random() < 0.3 ? `${this.#shim.namespace}-pod${index >> 3}` : id;
    const life = { id, group, kind, code: Math.floor(random() * 100), startedAt: Date.now() };
    this.#lives.set(id, life);
    this.#shim.expectSocket(group);
    return life;
  }

  async #live(life: Life): Promise<void> {
    const { id, kind, group, code } = life;
    const pod = group === id ? [] : ["--annotation", `io.kubernetes.cri.sandbox-id=${group}`];
    const seconds = (this.#plan.random() * 0.4).toFixed(2);
    const script = kind === "exits" ? `sleep ${seconds}; exit ${code}` : "sleep 1000";
    const begun = this.#epoch;
    life.startedAt = Date.now();
    const args = [...this.#shim.runArgs("--detach", "--null-io", ...pod), id, "/bin/sh", "-c", script];
    const started = await this.#ctr(args);
    const isMade = started.status === 0;
    if (isMade) {
      await this.#act(life);
      await this.#end(life);
    } else {
      this.#counts.refused += 1;
      if (!this.#isDisturbed(life, begun)) this.#fail(life, `cannot be started: ${started.stderr}`);
    }
    await this.#remove(id);
    if (isMade) this.#checkEvents(life);
  }

  /** When containerd dies, ctr may wait for ever. */
  async #ctr(args: readonly string[]): ReturnType<ShimBed["run"]> {
    return await this.#shim.run(args, undefined, COMMAND_MS);
  }

  /** What is done to it while it runs. */
  async #act(life: Life): Promise<void> {
    const { id, kind, code } = life;
    if (kind === "exits") return;
    const begun = this.#epoch;
    await sleep(this.#plan.random() * 300);
    if (kind === "execs") {
      const flags = ["task", "exec", "--exec-id", "one", ...this.#shim.containerd.fifoFlags, id];
      const ran = await this.#ctr([...flags, "/bin/sh", "-c", `echo ${id}; exit ${code}`]);
      const isRight = ran.status === code && ran.stdout === `${id}\n`;
      if (!isRight && !this.#isDisturbed(life, begun))
        this.#fail(life, `exec gave ${ran.status}, expected ${code}: ${ran.stdout}${ran.stderr}`);
    }
    if (kind === "pauses") for (const step of ["pause", "resume"]) await this.#must(life, ["task", step, id]);
    await this.#must(life, ["task", "kill", "--signal", "KILL", id]);
  }

  /** Waits for its end, and deletes it. */
  async #end(life: Life): Promise<void> {
    const expected = life.kind === "exits" ? life.code : SIGKILL_STATUS;
    const deadline = Date.now() + DEADLINE_MS;
    for (; Date.now() < deadline; await sleep(50)) {
      const state = this.#states.get(life.id);
      if (state === "STOPPED") break;
      // containerd has removed what it found dead; another start of it has not looked yet.
      if (state === undefined && this.#isExplained(life) && this.#epoch % 2 === 0) return this.#explain();
    }
    if (Date.now() >= deadline) return this.#fail(life, `has no end, but is ${this.#states.get(life.id) ?? "unknown"}`);
    const begun = this.#epoch;
    const { status, stderr } = await this.#ctr(["task", "delete", life.id]);
    const said = Number(/exit with non-zero exit code (\d+)/u.exec(stderr)?.[1] ?? (status === 0 ? 0 : Number.NaN));
    if (said === expected) return;
    if (this.#isExplained(life) && (said === SIGKILL_STATUS || Number.isNaN(said))) return this.#explain();
    if (Number.isNaN(said) && this.#isDisturbed(life, begun)) return;
    this.#fail(life, `ended with ${said}, expected ${expected}: ${stderr}`);
  }

  /** By force, and until it is gone: containerd may be away. */
  async #remove(id: string): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; await sleep(100)) {
      await this.#up.promise;
      if (this.#states.has(id)) await this.#ctr(["task", "delete", "--force", id]);
      const { status, stderr } = await this.#ctr(["container", "delete", id]);
      if (status === 0 || /not found/u.test(stderr)) return;
      await this.#ctr(["task", "delete", "--force", id]);
    }
    throw new Error("cannot be removed");
  }

  /** A command that has to work, unless containerd or the shim was killed over it; then it is tried again while it can. */
  async #must(life: Life, args: readonly string[]): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline;) {
      await this.#up.promise;
      const begun = this.#epoch;
      const { status, stderr } = await this.#ctr(args);
      if (status === 0 || this.#isExplained(life)) return;
      if (!this.#isDisturbed(life, begun)) {
        // The first attempt may have worked although its answer was lost.
        if (!/not found|not paused|cannot pause a paused/u.test(stderr))
          this.#fail(life, `${args.join(" ")}: ${stderr}`);
        return;
      }
    }
  }

  #checkEvents(life: Life): void {
    const { id } = life;
    const pattern = new RegExp(`/tasks/exit .*"container_id":"${id}","id":"${id}".*"exit_status":(\\d+)`, "gu");
    const told = this.#events.flatMap((stream) =>
      [...stream.text().matchAll(pattern)].map(([, status]) => Number(status)),
    );
    const expected = life.kind === "exits" ? life.code : SIGKILL_STATUS;
    const isExplained = this.#isExplained(life);
    const isRight = told.every((status) => status === expected || (isExplained && status === SIGKILL_STATUS));
    if (!isRight || (told.length > 1 && !isExplained))
      this.#fail(life, `told ${told.join(", ")}, expected ${expected}`);
  }

  #isExplained({ group, startedAt }: Life): boolean {
    return this.#kills.some((kill) => kill.group === group && kill.at >= startedAt - JOINS_MS);
  }

  /** Whether containerd was killed since, or the shim. */
  #isDisturbed(life: Life, begun: number): boolean {
    return begun % 2 === 1 || this.#epoch !== begun || this.#isExplained(life);
  }

  #explain(): void {
    this.#counts.explained += 1;
  }

  #fail({ id, kind, group }: Life, what: string): void {
    this.#failures.push(`${id} (${kind}${group === id ? "" : ", in a pod"}): ${what.trim()}`);
  }

  async #restart(): Promise<void> {
    if (this.#epoch % 2 === 1) return;
    this.#epoch += 1;
    this.#counts.restarts += 1;
    this.#up = Promise.withResolvers();
    await this.#shim.containerd.kill();
    await sleep(this.#plan.random() * 500);
    await this.#shim.containerd.launch();
    this.#events.push(this.#shim.containerd.watchEvents());
    this.#states = await this.#readStates();
    this.#epoch += 1;
    this.#up.resolve();
  }

  async #killSoon(): Promise<void> {
    await sleep(this.#plan.random() * 600);
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; await sleep(20)) {
      const lives = [...this.#lives.values()];
      const life = lives[Math.floor(this.#plan.random() * lives.length)];
      const [pid] = life === undefined ? [] : this.#shim.shims(life.id);
      if (life === undefined || pid === undefined) continue;
      this.#kills.push({ group: life.group, at: Date.now() });
      process.kill(pid, "SIGKILL");
      return;
    }
  }

  /** Looks again and again, for everybody. */
  async #look(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await sleep(LOOK_MS)) {
      const begun = this.#epoch;
      if (begun % 2 === 1) continue;
      const states = await this.#readStates();
      if (this.#epoch === begun) this.#states = states;
    }
  }

  async #readStates(): Promise<ReadonlyMap<string, string>> {
    const { status, stdout } = await this.#ctr(["task", "list"]);
    if (status !== 0) return this.#states;
    const words = stdout.split("\n").map((line) => line.trim().split(/\s+/u));
    return new Map(words.slice(1).flatMap(([id, , state]) => (id && state ? [[id, state] as const] : [])));
  }
}
