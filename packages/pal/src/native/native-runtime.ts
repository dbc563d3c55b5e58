import { getSystemErrorMessage, getSystemErrorName } from "node:util";
import { InclavareError } from "@inclavare/errors";
import { loadNative } from "@inclavare/linux";
import type { EnclaveRuntime, PalApiVersion, ProcessRequest, RuntimeAttributes } from "../enclave-runtime.ts";
import { Arena, type Piece } from "./arena.ts";
import { Calls, type CallResult, type CallsOptions } from "./calls.ts";
import type { Library, PalSymbol } from "./library.ts";
import { exitStatus, quirksOf } from "./quirks.ts";
import { attributes, createProcessArguments, execArguments, execArgumentsV1 } from "./structures.ts";

export interface NativeRuntimeOptions extends CallsOptions {
  /** For pal_init and pal_destroy; a process may take as long as it likes. Left out: 45 s, 10 s. */
  readonly initTimeoutMs?: number;
  readonly destroyTimeoutMs?: number;
  /**
   * Calls out of order, and for what there is not, reach the library all the same, to see what it does. Left out: they are
   * refused before.
   */
  readonly isUnguarded?: true;
}

const INIT_TIMEOUT_MS = 45_000;
const DESTROY_TIMEOUT_MS = 10_000;
const TARGETINFO_BYTES = 512;
const REPORT_BYTES = 432;

/** A process that was made; what pal_exec will need lies in its arena, which lives as long. */
interface NativeProcess {
  readonly arena: Arena;
  readonly exec: { readonly words: readonly bigint[]; readonly exitValue: Piece };
  isRunning: boolean;
}

/** A PAL library as an enclave runtime. Each of its functions is called on a thread of its own. */
export class NativeRuntime implements EnclaveRuntime {
  readonly name: string;
  readonly apiVersion: PalApiVersion;
  readonly getLocalReport?: (targetInfo: Uint8Array) => Promise<Uint8Array>;
  readonly #library: Library;
  readonly #options: NativeRuntimeOptions;
  readonly #calls: Calls;
  readonly #processes = new Map<number, NativeProcess>();
  /** What the library was given at init, and may point to until it is destroyed. */
  #arena: Arena | undefined;
  #isDestroyed = false;
  #lastPid = 0;

  constructor(library: Library, options: NativeRuntimeOptions = {}) {
    this.#library = library;
    this.#options = options;
    this.#calls = new Calls(options);
    this.name = library.name;
    this.apiVersion = library.version;
    if (library.version === 3) this.getLocalReport = async (targetInfo) => await this.#localReport(targetInfo);
  }

  async init(request: RuntimeAttributes): Promise<void> {
    const isFirst = this.#arena === undefined && !this.#isDestroyed;
    if (!isFirst && this.#options.isUnguarded !== true) throw this.#wrongTime("pal_init", "initialised already");
    const arena = new Arena(loadNative());
    this.#arena = arena;
    const { address } = attributes(arena, this.apiVersion, request);
    const timeoutMs = this.#options.initTimeoutMs ?? INIT_TIMEOUT_MS;
    await within(timeoutMs, `pal_init of ${this.name}`, this.#call("pal_init", arena, [address]));
  }

  async createProcess(request: ProcessRequest): Promise<number> {
    this.#assertAlive("pal_create_process");
    const arena = new Arena(loadNative());
    if (this.apiVersion === 1) {
      // Version 1 makes a process when it runs it, and numbers none.
      this.#lastPid += 1;
      this.#processes.set(this.#lastPid, { arena, exec: execArgumentsV1(arena, request), isRunning: false });
      return this.#lastPid;
    }
    const { arguments: structure, pid } = createProcessArguments(arena, request);
    await this.#call("pal_create_process", arena, [structure.address]);
    const number = pid.bytes.readInt32LE(0);
    if (number <= 0) {
      const message = `pal_create_process of ${this.name} succeeded with process number ${number}, expected more than 0`;
      throw new InclavareError("ERR_PAL_CALL", message, { details: { call: "pal_create_process", pid: number } });
    }
    this.#processes.set(number, processOf(number, arena));
    return number;
  }

  async exec(pid: number): Promise<number> {
    this.#assertAlive("pal_exec");
    const unknown = this.#options.isUnguarded === true ? processOf(pid, new Arena(loadNative())) : undefined;
    const process = this.#processes.get(pid) ?? unknown;
    if (process === undefined || process.isRunning) {
      const why = process === undefined ? "has no process" : "runs already process";
      throw new InclavareError("ERR_PAL_CALL", `pal_exec: ${this.name} ${why} ${pid}`, {
        details: { call: "pal_exec", pid },
      });
    }
    process.isRunning = true;
    try {
      await this.#call("pal_exec", process.arena, process.exec.words);
      return exitStatus(this.#library.path, process.exec.exitValue.bytes.readInt32LE(0));
    } finally {
      this.#processes.delete(pid);
    }
  }

  async kill(pid: number, signal: number): Promise<void> {
    this.#assertAlive("pal_kill");
    const { signals } = quirksOf(this.#library.path);
    if (signals !== undefined && !signals.has(signal)) {
      throw new InclavareError("ERR_PAL_UNSUPPORTED", `pal_kill of ${this.name} does not take signal ${signal}`);
    }
    const words = [pid, signal];
    await this.#call("pal_kill", new Arena(loadNative()), words);
  }

  async destroy(): Promise<void> {
    this.#assertAlive("pal_destroy");
    this.#isDestroyed = true;
    const timeoutMs = this.#options.destroyTimeoutMs ?? DESTROY_TIMEOUT_MS;
    await within(timeoutMs, `pal_destroy of ${this.name}`, this.#call("pal_destroy", new Arena(loadNative()), []));
    this.#arena = undefined;
  }

  async #localReport(targetInfo: Uint8Array): Promise<Uint8Array> {
    this.#assertAlive("pal_get_local_report");
    if (targetInfo.length !== TARGETINFO_BYTES && this.#options.isUnguarded !== true) {
      const message = `TARGETINFO has ${targetInfo.length} bytes, expected ${TARGETINFO_BYTES}`;
      throw new InclavareError("ERR_PAL_CALL", message, { details: { call: "pal_get_local_report" } });
    }
    const arena = new Arena(loadNative());
    const [target, report] = [arena.allocate(targetInfo.length), arena.allocate(REPORT_BYTES)];
    target.bytes.set(targetInfo);
    const length = arena.struct(4, [{ offset: 0, type: "int", value: REPORT_BYTES }]);
    const words = [target.address, BigInt(targetInfo.length), report.address, length.address];
    await this.#call("pal_get_local_report", arena, words);
    const written = length.bytes.readInt32LE(0);
    if (written === REPORT_BYTES) return Uint8Array.from(report.bytes);
    throw new InclavareError(
      "ERR_PAL_CALL",
      `pal_get_local_report of ${this.name} made a report of ${written} bytes, expected ${REPORT_BYTES}`,
      { details: { call: "pal_get_local_report" } },
    );
  }

  /** @throws ERR_PAL_CALL with the function, its value and errno, for anything but 0 */
  async #call(symbol: PalSymbol, arena: Arena, words: readonly (bigint | number)[]): Promise<void> {
    const { value, errno } = await this.#calls.call(this.#library.find(symbol), arena, words);
    if (value !== 0) throw this.#failed(symbol, { value, errno });
  }

  #failed(call: string, { value, errno }: CallResult): InclavareError {
    const reasons = [String(value), ...errnoNames(value, errno)];
    return new InclavareError("ERR_PAL_CALL", `${call} of ${this.name} failed with ${reasons.join(", ")}`, {
      details: { call, value, errno },
    });
  }

  #assertAlive(call: string): void {
    if (this.#options.isUnguarded === true) return;
    if (this.#arena === undefined || this.#isDestroyed)
      throw this.#wrongTime(call, this.#isDestroyed ? "destroyed" : "not initialised");
  }

  #wrongTime(call: string, state: string): InclavareError {
    return new InclavareError("ERR_PAL_CALL", `${call}: ${this.name} is ${state}`, { details: { call } });
  }
}

/** From version 2 on, pal_exec is told a process's number. */
function processOf(pid: number, arena: Arena): NativeProcess {
  const { arguments: structure, exitValue } = execArguments(arena, pid);
  return { arena, exec: { words: [structure.address], exitValue }, isRunning: false };
}

/** A call that does not return keeps its thread; only whoever waits for it is released. */
async function within(timeoutMs: number, what: string, call: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = (): void =>
    reject(new InclavareError("ERR_DEADLINE", `${what} did not return within ${timeoutMs / 1000} s`));
  const timer = setTimeout(late, timeoutMs);
  try {
    await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a value means if it is a negative errno, and what the library left in errno. */
function errnoNames(value: number, errno: number): string[] {
  const names = [];
  // -1 is what those return that put the reason into errno.
  if (value < -1 && value > -4096) names.push(errnoText(value));
  if (value === -1 && errno > 0) names.push(`errno ${errnoText(-errno)}`);
  return names;
}

/** With the words for it: callers of container runtimes look for "no such file or directory". */
function errnoText(negative: number): string {
  return `${getSystemErrorName(negative)}: ${getSystemErrorMessage(negative)}`;
}
