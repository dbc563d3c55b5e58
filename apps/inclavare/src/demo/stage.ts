import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { InclavareError } from "@inclavare/errors";

const COMMAND_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 5_000;

/** What a command printed, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where the demonstration plays: a folder of its own, a configuration that names it, and whatever was started there. */
export class Stage implements AsyncDisposable {
  readonly directory: string;
  readonly #bin: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly #daemons: ChildProcess[] = [];
  readonly #containers: string[] = [];
  readonly #interrupt = (): void => {
    this.#interrupted = true;
  };
  #interrupted = false;

  /** @param bin the folder of the installed commands; @param payload the folder of init-runelet's payload. */
  constructor(bin: string, payload: string, environment: NodeJS.ProcessEnv) {
    this.directory = mkdtempSync(join(tmpdir(), "inclavare-demo-"));
    this.#bin = bin;
    const config = this.path("config.toml");
    const rune = `[rune]\nstate = "${this.path("rune")}"\npayload = "${payload}"\n`;
    const attesterd = `[attesterd]\nsocket = "${this.path("attesterd", "socket")}"\nplatform = "${this.path("platform")}"\n`;
    writeFileSync(config, `${rune}\n${attesterd}`, { mode: 0o600 });
    for (const name of ["attesterd", "shelter"]) mkdirSync(this.path(name), { mode: 0o700 });
    this.environment = { ...environment, INCLAVARE_CONFIG: config };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, this.#interrupt);
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  /** The path of one of our commands. */
  command(name: string): string {
    return join(this.#bin, name);
  }

  /** Runs one of our commands to its end; its exit code is the caller's to judge. */
  async run(name: string, args: readonly string[], options: SpawnOptions = {}): Promise<Outcome> {
    const child = this.#spawn(name, args, {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: COMMAND_DEADLINE_MS,
      ...options,
    });
    const closed = once(child, "close");
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map(async (s) => (s === null ? "" : await text(s))),
    );
    const [code] = (await closed) as [number | null];
    return { code: code ?? 1, stdout: stdout ?? "", stderr: stderr ?? "" };
  }

  /** Like {@link run}, for a command that has to succeed. */
  async must(name: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
    if (this.#interrupted) throw new InclavareError("ERR_CANCELLED", "interrupted");
    const { code, stdout, stderr } = await this.run(name, args, options);
    if (code === 0) return stdout;
    const said = stderr.trim() || stdout.trim() || "nothing was printed";
    throw new InclavareError("ERR_DEMO", `${name} ${args[0] ?? ""} ended with status ${code}: ${said}`);
  }

  /** Starts one of our daemons and waits for the line that it writes to descriptor 3 once it listens. */
  async start(name: string, args: readonly string[]): Promise<string> {
    const child = this.#spawn(name, [...args, "--ready-fd", "3"], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
    this.#daemons.push(child);
    const ready = child.stdio[3];
    const words = child.stderr === null ? Promise.resolve("") : text(child.stderr);
    if (ready === null || ready === undefined) throw new InclavareError("ERR_DEMO", `${name} has no ready descriptor`);
    const signal = AbortSignal.timeout(COMMAND_DEADLINE_MS);
    const line = await Promise.race([once(ready, "data", { signal }).then(String), words.then(() => undefined)]);
    if (line === undefined)
      throw new InclavareError("ERR_DEMO", `${name} ended before it listened: ${(await words).trim()}`);
    return line.trim();
  }

  /** Remembers a container, so that it is removed whatever happens. */
  own(container: string): void {
    this.#containers.push(container);
  }

  /** Ends what was started and removes the folder, in the reverse order; used on every way out. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#containers.toReversed())
      await this.run("rune", [...this.runeRoot(), "delete", "--force", id]);
    for (const daemon of this.#daemons.toReversed()) await stop(daemon);
    rmSync(this.directory, { recursive: true, force: true });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, this.#interrupt);
  }

  /** rune's global flags: containers of the demonstration are no others' business. */
  runeRoot(): string[] {
    return ["--root", this.path("runc")];
  }

  #spawn(name: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    return spawn(this.command(name), args, { env: this.environment, ...options });
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(timer);
}
