import { getSystemErrorName } from "node:util";
import { Worker } from "node:worker_threads";
import { InclavareError } from "@inclavare/errors";
import type { EnclaveRuntime, ProcessRequest, RuntimeAttributes } from "../enclave-runtime.ts";
import { Arena } from "./arena.ts";
import type { ExecAnswer, ExecRequest } from "./exec-worker.ts";
import type { Library, NativeFunction } from "./library.ts";
import { exitStatus } from "./quirks.ts";
import { attributes, createProcessArguments } from "./structures.ts";

/**
 * A PAL library of version 2 as an enclave runtime. Its functions run on threads of koffi's pool, with a stack of 8 MiB,
 * but `pal_exec` on a thread of its own: it blocks for the life of a process, and would take a pool thread with it.
 */
export class NativeRuntime implements EnclaveRuntime {
  readonly name: string;
  readonly apiVersion = 2;
  readonly #library: Library;
  /** What the library was given and may still point to: by process, and 0 for the enclave itself. */
  readonly #arenas = new Map<number, Arena>();

  constructor(library: Library) {
    this.#library = library;
    this.name = library.name;
  }

  async init(request: RuntimeAttributes): Promise<void> {
    const arena = new Arena(this.#library.native);
    this.#arenas.set(0, arena);
    await this.#call("pal_init", this.#library.init, attributes(arena, request).bytes);
  }

  async createProcess(request: ProcessRequest): Promise<number> {
    const arena = new Arena(this.#library.native);
    const { arguments: structure, pid } = createProcessArguments(arena, request);
    await this.#call("pal_create_process", this.#library.createProcess, structure.bytes);
    const number = pid.bytes.readInt32LE(0);
    if (number <= 0) {
      const message = `pal_create_process of ${this.name} succeeded with process number ${number}, expected more than 0`;
      throw new InclavareError("ERR_PAL_CALL", message, { details: { call: "pal_create_process", pid: number } });
    }
    this.#arenas.set(number, arena);
    return number;
  }

  async exec(pid: number): Promise<number> {
    const { failure, exitValue } = await this.#execute(pid);
    this.#arenas.delete(pid);
    if (failure !== undefined) throw this.#failed(failure.call, failure.value);
    return exitStatus(this.#library.path, exitValue);
  }

  async kill(pid: number, signal: number): Promise<void> {
    await this.#call("pal_kill", this.#library.kill, pid, signal);
  }

  async destroy(): Promise<void> {
    await this.#call("pal_destroy", this.#library.destroy);
    this.#arenas.clear();
  }

  #execute(pid: number): Promise<ExecAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ExecAnswer>();
    const request: ExecRequest = { libraryPath: this.#library.path, pid };
    const worker = new Worker(execScript(), {
      name: "pal_exec",
      workerData: request,
      env: {},
      argv: [],
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
    });
    const fail = (cause?: unknown): void => {
      reject(new InclavareError("ERR_PAL_CALL", `pal_exec of ${this.name}: its worker failed`, { cause }));
    };
    worker.once("message", resolve).once("error", fail).once("exit", fail);
    return promise;
  }

  /** @throws ERR_PAL_CALL with the function, its value and errno, for anything but 0 */
  async #call(name: string, nativeFunction: NativeFunction, ...args: readonly unknown[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<{ value: number; errno: number }>();
    nativeFunction.async(...args, (error: unknown, value: unknown) => {
      // koffi restores the errno of the call for the time of this callback.
      if (error === null) resolve({ value: Number(value), errno: this.#library.native.errno() });
      else reject(new InclavareError("ERR_PAL_CALL", `${name} of ${this.name} could not be called`, { cause: error }));
    });
    const { value, errno } = await promise;
    if (value !== 0) throw this.#failed(name, value, errno);
  }

  #failed(call: string, value: number, errno = 0): InclavareError {
    const reasons = [String(value), ...errnoNames(value, errno)];
    return new InclavareError("ERR_PAL_CALL", `${call} of ${this.name} failed with ${reasons.join(", ")}`, {
      details: { call, value, errno },
    });
  }
}

/** What a value means if it is a negative errno, and what the library left in errno. */
function errnoNames(value: number, errno: number): string[] {
  const names = [];
  // -1 is what those return that put the reason into errno.
  if (value < -1 && value > -4096) names.push(getSystemErrorName(value));
  if (value === -1 && errno > 0) names.push(`errno ${getSystemErrorName(-errno)}`);
  return names;
}

/** Workers are started from a file: the bundle's, or the source's. */
function execScript(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "exec-worker.ts" : "pal-exec.mjs", import.meta.url);
}
