import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Output } from "@inclavare/cli";
import { type CheckResult, failedCheck, type Profile, runChecks } from "@inclavare/pal";
import { parseProbeLine, PROBE_DESCRIPTOR, type ProbeLine } from "./lines.ts";

export interface LibraryCheck {
  readonly libraryPath: string;
  readonly profile: Profile;
  /** Program and arguments that start this program again. */
  readonly self: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;
  /** Where everything goes that the library writes. */
  readonly stderr: Output;
}

/** How much longer than a check may take its process is waited for: it has to start, and to load the library. */
const GRACE_MS = 5000;
/** How long what a process has written may take to arrive, after its end. */
const ARRIVAL_MS = 500;

/**
 * Runs a library through all checks, in processes of their own: a crash ends a process, and a process that hangs is
 * killed, with all that the library started in its process group.
 */
export async function checkLibrary(check: LibraryCheck): Promise<readonly CheckResult[]> {
  return await runChecks(async (names) => await new Probe(check, names).run());
}

/** One process that does some checks. */
class Probe {
  readonly #names: readonly string[];
  readonly #timeoutMs: number;
  readonly #child: ChildProcess;
  readonly #results: CheckResult[] = [];
  /** The calls that have not returned. */
  readonly #pending: string[] = [];
  #crashedIn: string | undefined;
  #isKilled = false;

  constructor(check: LibraryCheck, names: readonly string[]) {
    const { self, libraryPath, profile, environment, stderr } = check;
    const [program, ...args] = self;
    this.#names = names;
    this.#timeoutMs = profile.deadlineMs + GRACE_MS;
    this.#child = spawn(program, [...args, "pal", "probe", libraryPath, JSON.stringify(profile), ...names], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.on("data", (text: Buffer) => stderr.write(text.toString("utf8")));
    }
  }

  /** @returns a result for each check that was done, and one for the check that the process did not survive */
  async run(): Promise<readonly CheckResult[]> {
    const lines = createInterface({ input: this.#child.stdio[PROBE_DESCRIPTOR] as Readable });
    const timer = setTimeout(() => this.#kill(), this.#timeoutMs);
    lines.on("line", (text) => {
      this.#take(parseProbeLine(text));
      timer.refresh();
    });
    const allRead = once(lines, "close");
    try {
      const [code, signal] = (await once(this.#child, "exit")) as [number | null, NodeJS.Signals | null];
      this.#killGroup();
      // What the library left behind may hold the pipe for as long as it likes.
      await Promise.race([allRead, sleep(ARRIVAL_MS, undefined, { ref: false })]);
      return [...this.#results, ...this.#unfinished(signal ?? `status ${code}`)];
    } finally {
      clearTimeout(timer);
      lines.close();
      for (const stream of this.#child.stdio) stream?.destroy();
    }
  }

  #take(line: ProbeLine | undefined): void {
    if (line?.kind === "result") this.#results.push(line.result);
    else if (line?.kind === "crash") this.#crashedIn = line.call;
    else if (line?.event === "begins") this.#pending.push(line.name);
    else if (line !== undefined) this.#pending.splice(this.#pending.indexOf(line.name), 1);
  }

  #unfinished(end: string): CheckResult[] {
    const name = this.#names[this.#results.length];
    if (name === undefined || this.#results.at(-1)?.result === "failed") return [];
    const calls = [...new Set(this.#pending)].join(", ");
    const during = calls === "" ? "between two calls" : `during ${calls}`;
    const hangs = `${calls === "" ? "the process" : calls} blocks everything; killed after ${this.#timeoutMs} ms`;
    const ended = `the process ended with ${end} ${this.#crashedIn === undefined ? during : `in ${this.#crashedIn}`}`;
    return [failedCheck(name, this.#isKilled ? hangs : ended)];
  }

  #kill(): void {
    this.#isKilled = true;
    this.#killGroup();
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // nobody is left in it
    }
  }
}
