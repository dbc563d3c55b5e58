import { setTimeout as sleep } from "node:timers/promises";
import type { EnclaveRuntime } from "../enclave-runtime.ts";
import type { CallLog } from "./call-log.ts";
import { expect, Finding } from "./finding.ts";
import type { Profile, Program, Programs } from "./profile.ts";
import { Streams } from "./streams.ts";

export interface ProcessOptions {
  /** Arguments after those of the profile. */
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** The standard input. Left out: empty. `open`: it does not end. */
  readonly input?: Uint8Array | "open";
}

/** How a process ended, and what it wrote. */
export interface Ended {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** A process that runs until a signal ends it. */
export interface Blocked {
  readonly pid: number;
  readonly ended: Promise<Ended>;
}

/** A process in the enclave, with its streams. */
export class TrialProcess {
  readonly pid: number;
  readonly streams: Streams;
  readonly #runtime: EnclaveRuntime;

  constructor(runtime: EnclaveRuntime, pid: number, streams: Streams) {
    this.#runtime = runtime;
    this.pid = pid;
    this.streams = streams;
  }

  /** Runs it to its end; its streams are closed afterwards. */
  async exec(): Promise<Ended> {
    using streams = this.streams;
    const status = await this.#runtime.exec(this.pid);
    expect(
      Number.isInteger(status) && status >= 0 && status <= 255,
      `exec of process ${this.pid} gave ${status} as exit value, expected 0 to 255`,
    );
    streams.assertOpen();
    return {
      status,
      output: streams.readOutput().toString("utf8"),
      errors: streams.readErrors().toString("utf8"),
    };
  }
}

export interface TrialOptions {
  readonly create: () => EnclaveRuntime;
  readonly profile: Profile;
  readonly libraryPath: string | undefined;
  readonly calls: CallLog;
}

/** The number of no process: no runtime gets that far in a check. */
export const UNKNOWN_PID = 0x7fff_0001;

const POLL_MS = 10;
/** For programs that do not say that they run. */
const START_MS = 300;

/** One enclave of the runtime under check, and what the checks do with it. */
export class Trial implements Disposable {
  readonly profile: Profile;
  /** Where the runtime is a library. */
  readonly libraryPath: string | undefined;
  readonly calls: CallLog;
  readonly #create: () => EnclaveRuntime;
  readonly #streams: Streams[] = [];
  #runtime: EnclaveRuntime | undefined;
  #initialised: Promise<void> | undefined;

  constructor({ create, profile, libraryPath, calls }: TrialOptions) {
    this.#create = create;
    this.profile = profile;
    this.libraryPath = libraryPath;
    this.calls = calls;
  }

  /** Made when it is first asked for. */
  get runtime(): EnclaveRuntime {
    this.#runtime ??= this.calls.watch(this.#create());
    return this.#runtime;
  }

  /** Creates the enclave, unless that was done before. */
  async init(): Promise<void> {
    this.#initialised ??= this.runtime.init(this.profile.init);
    await this.#initialised;
  }

  /** @throws Finding when the profile lacks it: a check that needs a program says so beforehand. */
  program<K extends keyof Programs>(name: K): NonNullable<Programs[K]> {
    const program = this.profile.programs[name];
    expect(program !== undefined, `the profile names no program "${name}"`);
    return program;
  }

  /** A program that exits with a number. */
  exiting(code: number): Program {
    const { path, argv } = this.program("exits");
    return { path, argv: argv.map((argument) => argument.replaceAll("{}", String(code))) };
  }

  /** Makes a process, which does not run yet. */
  async create({ path, argv }: Program, { args = [], env = [], input }: ProcessOptions = {}): Promise<TrialProcess> {
    const streams = new Streams(input === "open" ? undefined : (input ?? new Uint8Array()));
    this.#streams.push(streams);
    const request = { path, argv: [...argv, ...args], env, stdio: streams.stdio };
    const pid = await this.runtime.createProcess(request);
    expect(
      Number.isInteger(pid) && pid > 0,
      `create process gave ${pid} as number of the process, expected more than 0`,
    );
    return new TrialProcess(this.runtime, pid, streams);
  }

  async run(program: Program, options?: ProcessOptions): Promise<Ended> {
    return await (await this.create(program, options)).exec();
  }

  /** Starts the program that blocks, and waits until it runs. */
  async block(): Promise<Blocked> {
    const { ready, ...program } = this.program("blocks");
    const process = await this.create(program, { input: "open" });
    const ended = process.exec();
    const state = { hasEnded: false };
    const settle = (): void => {
      state.hasEnded = true;
    };
    ended.then(settle, settle);
    let output = "";
    const startedAt = performance.now();
    const runs = (): boolean =>
      ready === undefined ? performance.now() - startedAt >= START_MS : output.includes(ready);
    while (!runs() && !state.hasEnded) {
      output += process.streams.readOutput().toString("utf8");
      await sleep(POLL_MS);
    }
    if (!state.hasEnded) return { pid: process.pid, ended };
    const { status } = await ended;
    throw new Finding(`${program.path} ended with ${status} at once, expected it to run until a signal ends it`);
  }

  /** @throws Finding when the call succeeds */
  async expectFailure(running: Promise<unknown>, what: string): Promise<void> {
    const hasFailed = await running.then(
      () => false,
      () => true,
    );
    expect(hasFailed, `${what} succeeded, expected a failure`);
  }

  /** Ends the enclave, if there is one. */
  async discard(): Promise<void> {
    if (this.#initialised !== undefined) await this.runtime.destroy();
  }

  [Symbol.dispose](): void {
    for (const streams of this.#streams) streams[Symbol.dispose]();
  }
}
