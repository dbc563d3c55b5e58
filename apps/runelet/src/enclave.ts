import { openSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { OutsideProcess } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { signalName } from "@inclavare/linux";
import type { EnclaveRuntime } from "@inclavare/pal";
import type { AccessPolicy } from "./access-policy.ts";

export interface Stdio {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

export type EnclaveStatus = "created" | "running" | "stopped";

const SIGKILL = 9;
/** signal(7): these, and the stop signals that an enclave has no use for, end nothing. */
const IGNORED_BY_DEFAULT: ReadonlySet<string> = new Set([
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGWINCH",
]);

/** The life of one enclave: its main process, what is executed beside it, and the signals that reach them. */
export class Enclave {
  readonly #policy: AccessPolicy;
  readonly #runtime: EnclaveRuntime;
  readonly #ready: Promise<void> | undefined;
  readonly #process: OutsideProcess;
  readonly #exited = Promise.withResolvers<number>();
  readonly #running = new Set<number>();
  #mainPid: number | undefined;
  #status: EnclaveStatus = "created";

  /** @param ready what the main process waits for once it is started: its secrets, if it has any. */
  constructor(
    policy: AccessPolicy,
    runtime: EnclaveRuntime,
    process: OutsideProcess,
    ready: Promise<void> | undefined,
  ) {
    this.#policy = policy;
    this.#runtime = runtime;
    this.#process = policy.resolve(process, { exec: false });
    this.#ready = ready;
  }

  get status(): EnclaveStatus {
    return this.#status;
  }

  get processCount(): number {
    return this.#running.size;
  }

  /** Resolves with the exit value of the main process (0 to 255, or 128 + signal); rejects when it could not run. */
  get exited(): Promise<number> {
    return this.#exited.promise;
  }

  /**
   * Starts the main process, or lets it wait for its secrets.
   * @throws why the process could not be made; `exited` rejects then as well
   */
  async start(): Promise<void> {
    if (this.#status !== "created")
      throw new InclavareError("ERR_CONTAINER_STATE", `cannot start: the enclave is ${this.#status}`);
    this.#status = "running";
    const main = this.#makeMain();
    void this.#follow(main);
    if (this.#ready === undefined) await main;
  }

  /** @returns undefined when a signal has ended the enclave before */
  async #makeMain(): Promise<number | undefined> {
    await this.#ready;
    if (this.#status === "stopped") return undefined;
    this.#mainPid = await this.#create(this.#process, { stdin: 0, stdout: 1, stderr: 2 });
    return this.#mainPid;
  }

  async #follow(main: Promise<number | undefined>): Promise<void> {
    try {
      const pid = await main;
      if (pid === undefined) return; // the signal has settled `exited`
      // The answer to `start` goes out first: a PAL library that crashes takes this process with it.
      await setImmediate();
      const value = await this.#wait(pid);
      this.#status = "stopped";
      this.#exited.resolve(value);
    } catch (error) {
      this.#exited.reject(error);
    }
  }

  /** Whether such an `exec` can be at all; asked before a stand-in is made. */
  async assertExecutable(outside: OutsideProcess): Promise<void> {
    const { args, env, cwd } = this.#resolveExec(outside);
    await this.#runtime.assertProcess?.({ path: programOf(args), argv: args, env, cwd });
  }

  /** Before the main process has started as well, as in any container. */
  #resolveExec(outside: OutsideProcess): OutsideProcess {
    if (!this.#policy.exec) throw new InclavareError("ERR_EXEC_FORBIDDEN", "the enclave manifest does not allow exec");
    if (this.#status === "stopped")
      throw new InclavareError("ERR_CONTAINER_STATE", "cannot exec in a stopped container");
    return this.#policy.resolve(outside, { exec: true });
  }

  /** Runs a further process; `exited` gives its exit value, `kill` reaches it and it alone. */
  async exec(
    outside: OutsideProcess,
    stdio: Stdio,
  ): Promise<{ exited: Promise<number>; kill: (signal: number) => Promise<void> }> {
    const pid = await this.#create(this.#resolveExec(outside), stdio);
    return { exited: this.#wait(pid), kill: async (signal) => await this.#signal(pid, signal) };
  }

  /** Sends a signal to the main process, or to all. Only what the policy passes gets through, and SIGKILL. */
  async kill(signal: number, all: boolean): Promise<void> {
    this.#assertSignalAllowed(signal);
    if (this.#mainPid === undefined) {
      // Not started, or waiting for its secrets: nothing can handle the signal, so what the kernel does by default is done.
      if (IGNORED_BY_DEFAULT.has(signalName(signal))) return;
      this.#status = "stopped";
      this.#exited.resolve(128 + signal);
      return;
    }
    await this.#runtime.kill(all ? -1 : this.#mainPid, signal);
  }

  async destroy(): Promise<void> {
    this.#status = "stopped";
    await this.#runtime.destroy();
  }

  async #signal(pid: number, signal: number): Promise<void> {
    if (!this.#running.has(pid)) return;
    this.#assertSignalAllowed(signal);
    await this.#runtime.kill(pid, signal);
  }

  #assertSignalAllowed(signal: number): void {
    if (signal === SIGKILL || this.#policy.passes(signal)) return;
    throw new InclavareError("ERR_SIGNAL_FORBIDDEN", `the enclave does not let ${signalName(signal)} through`);
  }

  async #create({ args, env, cwd }: OutsideProcess, outside: Stdio): Promise<number> {
    const path = programOf(args);
    const stdio = this.#policy.stdin ? outside : { ...outside, stdin: openNothing() };
    const pid = await this.#runtime.createProcess({ path, argv: args, env, stdio, cwd });
    this.#running.add(pid);
    return pid;
  }

  async #wait(pid: number): Promise<number> {
    try {
      return await this.#runtime.exec(pid);
    } finally {
      this.#running.delete(pid);
    }
  }
}

function programOf([path]: readonly string[]): string {
  if (path !== undefined) return path;
  throw new InclavareError("ERR_PROCESS_ARGS", "there is no program to run: args is empty");
}

let nothing: number | undefined;

/** Where a manifest without `stdin` has the application read: one descriptor for every process, never closed. */
function openNothing(): number {
  nothing ??= openSync("/dev/null", "r");
  return nothing;
}
