import { InclavareError } from "@inclavare/errors";
import { loadNative } from "@inclavare/linux";
import type { EnclaveRuntime, PalApiVersion, ProcessRequest, RuntimeAttributes } from "../enclave-runtime.ts";
import { Arena } from "./arena.ts";
import type { Calls } from "./calls.ts";
import { DEADLINES_MS, type Deadlines } from "./deadlines.ts";
import { Invoker } from "./invoke.ts";
import type { Library, PalSymbol } from "./library.ts";
import { deferredProcess, madeProcess, makeProcess, type NativeProcess, unmadeProcess } from "./native-process.ts";
import { exitStatus, quirksOf } from "./quirks.ts";
import { attributes, UNWRITTEN } from "./structures.ts";

export interface NativeRuntimeOptions {
  /** In place of the usual ones, {@link DEADLINES_MS}. */
  readonly deadlinesMs?: Partial<Deadlines>;
  /**
   * Calls out of order, and for what there is not, reach the library all the same, to see what it does. Left out: they are
   * refused before.
   */
  readonly isUnguarded?: true;
}

const ALL_PROCESSES = -1;
const TARGETINFO_BYTES = 512;
const REPORT_BYTES = 432;

type State = "not initialised" | "being initialised" | "initialised" | "not usable: its init failed" | "destroyed";

/** A PAL library as an enclave runtime. Each of its functions is called on a thread of its own. */
export class NativeRuntime implements EnclaveRuntime {
  readonly name: string;
  readonly apiVersion: PalApiVersion;
  readonly getLocalReport?: (targetInfo: Uint8Array) => Promise<Uint8Array>;
  readonly #library: Library;
  readonly #invoker: Invoker;
  readonly #isGuarded: boolean;
  readonly #processes = new Map<number, NativeProcess>();
  /** What the library was given at init, and may point to until the process ends. */
  readonly #arena = new Arena(loadNative());
  #state: State = "not initialised";
  #lastNumber = 0;

  constructor(library: Library, calls: Calls, { deadlinesMs, isUnguarded }: NativeRuntimeOptions = {}) {
    const { createRuns = false } = quirksOf(library.path);
    const all: Deadlines = { ...DEADLINES_MS, ...deadlinesMs };
    const { pal_create_process: _, ...allButCreate } = all;
    this.#library = library;
    this.#invoker = new Invoker(library, calls, createRuns ? allButCreate : all);
    this.#isGuarded = isUnguarded !== true;
    this.name = library.name;
    this.apiVersion = library.version;
    if (library.version === 3) this.getLocalReport = async (targetInfo) => await this.#localReport(targetInfo);
  }

  async init(request: RuntimeAttributes): Promise<void> {
    this.#assertState("pal_init", "not initialised");
    const { address } = attributes(this.#arena, this.apiVersion, request);
    this.#state = "being initialised";
    try {
      await this.#invoker.invoke("pal_init", { arena: this.#arena, words: [address] });
      this.#state = "initialised";
    } catch (error) {
      this.#state = "not usable: its init failed";
      throw error;
    }
  }

  async createProcess(request: ProcessRequest): Promise<number> {
    this.#assertState("pal_create_process", "initialised");
    const arena = new Arena(loadNative());
    const later = this.#madeWhenRun();
    if (later !== undefined) {
      this.#lastNumber += 1;
      this.#processes.set(this.#lastNumber, later(this.#invoker, arena, request));
      return this.#lastNumber;
    }
    const number = await makeProcess(this.#invoker, arena, request);
    this.#assertNumber(number);
    this.#processes.set(number, madeProcess(this.#invoker, arena, number));
    return number;
  }

  async exec(pid: number): Promise<number> {
    this.#assertState("pal_exec", "initialised");
    const process = this.#processes.get(pid) ?? this.#unknownProcess(pid);
    if (process.isRunning) throw this.#refused("pal_exec", `process ${pid} runs already`, { pid });
    process.isRunning = true;
    try {
      return exitStatus(this.#library.path, await process.run());
    } finally {
      this.#processes.delete(pid);
    }
  }

  async kill(pid: number, signal: number): Promise<void> {
    this.#assertState("pal_kill", "initialised");
    this.#library.find("pal_kill");
    const { signals } = quirksOf(this.#library.path);
    if (signals !== undefined && !signals.has(signal)) {
      throw new InclavareError("ERR_PAL_UNSUPPORTED", `pal_kill of ${this.name} does not take signal ${signal}`);
    }
    if (this.#isGuarded && pid !== ALL_PROCESSES && !this.#processes.has(pid)) {
      throw this.#refused("pal_kill", `there is no process ${pid}`, { pid });
    }
    await this.#invoker.invoke("pal_kill", { arena: new Arena(loadNative()), words: [pid, signal] });
  }

  async destroy(): Promise<void> {
    this.#assertState("pal_destroy", "initialised");
    this.#state = "destroyed";
    await this.#invoker.invoke("pal_destroy", { arena: new Arena(loadNative()), words: [] });
  }

  async #localReport(targetInfo: Uint8Array): Promise<Uint8Array> {
    const call = "pal_get_local_report";
    this.#assertState(call, "initialised");
    if (this.#isGuarded && targetInfo.length !== TARGETINFO_BYTES) {
      throw this.#refused(call, `TARGETINFO has ${targetInfo.length} bytes, expected ${TARGETINFO_BYTES}`);
    }
    const arena = new Arena(loadNative());
    const [target, report] = [arena.allocate(targetInfo.length), arena.allocate(REPORT_BYTES)];
    target.bytes.set(targetInfo);
    const length = arena.struct(4, [{ offset: 0, type: "int", value: REPORT_BYTES }]);
    const words = [target.address, targetInfo.length, report.address, length.address];
    await this.#invoker.invoke(call, { arena, words });
    const written = length.bytes.readInt32LE(0);
    if (written === REPORT_BYTES) return Uint8Array.from(report.bytes);
    throw this.#refused(call, `it made a report of ${written} bytes, expected ${REPORT_BYTES}`);
  }

  /** How a process comes to be, where the library makes it only when it runs it. */
  #madeWhenRun(): typeof deferredProcess | undefined {
    if (this.apiVersion === 1) return unmadeProcess;
    return quirksOf(this.#library.path).createRuns === true ? deferredProcess : undefined;
  }

  #unknownProcess(pid: number): NativeProcess {
    if (this.#isGuarded) throw this.#refused("pal_exec", `there is no process ${pid}`, { pid });
    return madeProcess(this.#invoker, new Arena(loadNative()), pid);
  }

  /** A number that is taken would have two processes share what the library was given for one of them. */
  #assertNumber(number: number): void {
    const call = "pal_create_process";
    if (number === UNWRITTEN) throw this.#refused(call, "it succeeded without a process number", { pid: 0 });
    if (number <= 0) {
      throw this.#refused(call, `it succeeded with process number ${number}, expected more than 0`, { pid: number });
    }
    if (this.#isGuarded && this.#processes.has(number)) {
      throw this.#refused(call, `it gave number ${number}, which another process still has`, { pid: number });
    }
  }

  #assertState(call: PalSymbol, expected: State): void {
    if (this.#isGuarded && this.#state !== expected) throw this.#refused(call, `the runtime is ${this.#state}`);
  }

  #refused(call: PalSymbol, why: string, details: Readonly<Record<string, number>> = {}): InclavareError {
    return new InclavareError("ERR_PAL_CALL", `${call} of ${this.name}: ${why}`, { details: { call, ...details } });
  }
}
