import { fstatSync } from "node:fs";
import type { AppImage } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import type { EnclaveRuntime, ProcessRequest } from "@inclavare/pal";
import type { TreeEntry } from "./fs/populate.ts";
import { GuestWorker } from "./guest-worker.ts";
import { shareImage } from "./image.ts";
import { holdMemoryLimit } from "./memory-limit.ts";
import { GuestProcess } from "./process.ts";
import { Programs } from "./program.ts";
import { exitStatus, type Outcome } from "./protocol.ts";
import { actionOf } from "./signals.ts";
import { optimiseGuests } from "./tiering.ts";

const SIGKILL = 9;

/** How a process ended, for whoever wants more than its status. */
export interface ProcessEnd {
  readonly pid: number;
  readonly program: string;
  readonly outcome: Outcome;
}

export interface WasmRuntimeOptions {
  readonly appImage: AppImage;
  /** Files that a process finds beside the image, read-only, by absolute path; asked for at each process. */
  readonly files: () => ReadonlyMap<string, Uint8Array>;
  /** Directories, by absolute path, that each process finds empty and can write to. Nothing in them is shared. */
  readonly memoryMounts: readonly string[];
  /** Bounds a process's linear memory; its files in memory mounts may take what that leaves free. */
  readonly maxMemoryBytes: number;
  /** At a time. */
  readonly maxProcesses: number;
  /** A worker that was started ahead, for the first process. Left out: started by `init`. */
  readonly firstWorker?: GuestWorker;
  /** Told of each end, with the reason of a trap. */
  readonly onProcessEnd?: (end: ProcessEnd) => void;
}

interface Enclave {
  readonly entries: readonly TreeEntry[];
  readonly programs: Programs;
  readonly memoryLimit: Disposable;
  /** For the next process; each later one waits for its own. */
  spareWorker: GuestWorker | undefined;
}

/**
 * The enclave runtime for WASI preview 1 command modules. Each process has a worker, a file system and a memory of its
 * own; compiled programs and the image's contents are shared.
 *
 * Codes: init: ERR_WASM_MEMORY, ERR_WASM_STATE. createProcess: ERR_WASM_PROGRAM, _NOT_WASM, _COMPONENT, _MODULE,
 * _REACTOR, _NO_START, _IMPORT, _MEMORY, _PROCESSES, _ARGUMENT, _CWD, _GUEST, _STATE. exec: ERR_WASM_NO_PROCESS, _STATE.
 * kill: ERR_WASM_NO_PROCESS, _SIGNAL.
 */
export function createWasmRuntime(options: WasmRuntimeOptions): EnclaveRuntime {
  return new WasmRuntime(options);
}

class WasmRuntime implements EnclaveRuntime {
  readonly name = "wasm";
  readonly apiVersion = 2;
  readonly #options: WasmRuntimeOptions;
  readonly #processes = new Map<number, GuestProcess>();
  #enclave: Enclave | undefined;
  #isDestroyed = false;
  #starting = 0;
  #lastPid = 0;

  constructor(options: WasmRuntimeOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {
    if (this.#enclave !== undefined || this.#isDestroyed) {
      throw new InclavareError("ERR_WASM_STATE", "the enclave has been initialised already");
    }
    const { appImage, maxMemoryBytes } = this.#options;
    const spareWorker = this.#options.firstWorker ?? new GuestWorker();
    const undo = new DisposableStack();
    undo.defer(() => spareWorker.terminate());
    try {
      await spareWorker.booted; // before V8's flags change, see tiering.ts
      optimiseGuests();
      const memoryLimit = undo.use(holdMemoryLimit(maxMemoryBytes));
      const entries = shareImage(appImage);
      this.#enclave = { entries, programs: new Programs(entries, maxMemoryBytes), memoryLimit, spareWorker };
    } catch (error) {
      undo.dispose();
      throw error;
    }
  }

  async assertProcess(request: Omit<ProcessRequest, "stdio">): Promise<void> {
    await this.#load(request);
  }

  async createProcess(request: ProcessRequest): Promise<number> {
    assertStdio(request.stdio);
    const module = this.#load(request);
    this.#starting += 1;
    try {
      const { path, argv, stdio, cwd = "/" } = request;
      const compiled = await module;
      const guest = await GuestProcess.create(this.#takeWorker(), {
        module: compiled,
        program: path,
        args: argv,
        env: withWorkingDirectory(request.env, cwd),
        stdio,
        entries: this.#running().entries,
        files: [...this.#options.files()].map(([filePath, bytes]) => ({ path: filePath, bytes })),
        memoryMounts: this.#options.memoryMounts,
        memoryLimitBytes: this.#options.maxMemoryBytes,
      });
      return this.#register(guest);
    } finally {
      this.#starting -= 1;
    }
  }

  /** The program of a process for which there is room. The checks before compiling are made at once. */
  async #load(request: Omit<ProcessRequest, "stdio">): Promise<WebAssembly.Module> {
    const { programs } = this.#running();
    const { maxProcesses, memoryMounts } = this.#options;
    const running = [...this.#processes.values()].filter(({ hasEnded }) => !hasEnded).length;
    if (running + this.#starting >= maxProcesses) {
      throw new InclavareError("ERR_WASM_PROCESSES", `the enclave already runs ${maxProcesses} processes, its maximum`);
    }
    assertRequest(request);
    const { path, env, cwd = "/" } = request;
    if (!programs.isDirectory(cwd) && !memoryMounts.includes(cwd)) {
      const what = "is no directory of the image: no such file or directory";
      throw new InclavareError("ERR_WASM_CWD", `working directory ${JSON.stringify(cwd)} ${what}`);
    }
    return await programs.load({ path, env, cwd });
  }

  #takeWorker(): GuestWorker {
    const enclave = this.#running();
    const { spareWorker } = enclave;
    enclave.spareWorker = undefined;
    return spareWorker ?? new GuestWorker();
  }

  #register(guest: GuestProcess): number {
    if (this.#isDestroyed) {
      guest.kill(SIGKILL);
      throw new InclavareError("ERR_WASM_STATE", "the enclave was destroyed while the process was made");
    }
    this.#lastPid += 1;
    const pid = this.#lastPid;
    this.#processes.set(pid, guest);
    void guest.ended.then((outcome) => this.#options.onProcessEnd?.({ pid, program: guest.program, outcome }));
    return pid;
  }

  async exec(pid: number): Promise<number> {
    const guest = this.#process(pid);
    const outcome = await guest.run();
    this.#processes.delete(pid);
    return exitStatus(outcome);
  }

  async kill(pid: number, signal: number): Promise<void> {
    const action = actionOf(signal);
    const targets = pid === -1 ? [...this.#processes.values()] : [this.#process(pid)];
    if (action === "nothing") return;
    for (const guest of targets) guest.kill(signal);
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    const guests = [...this.#processes.values()];
    for (const guest of guests) guest.kill(SIGKILL);
    await Promise.all(guests.map((guest) => guest.ended));
    this.#processes.clear();
    this.#enclave?.spareWorker?.terminate();
    this.#enclave?.memoryLimit[Symbol.dispose]();
    this.#enclave = undefined;
  }

  #running(): Enclave {
    if (this.#enclave === undefined) {
      throw new InclavareError("ERR_WASM_STATE", "the enclave is not initialised, or destroyed");
    }
    return this.#enclave;
  }

  #process(pid: number): GuestProcess {
    const guest = this.#processes.get(pid);
    if (guest === undefined) throw new InclavareError("ERR_WASM_NO_PROCESS", `the enclave has no process ${pid}`);
    return guest;
  }
}

function assertRequest({ argv, env, cwd = "/" }: Omit<ProcessRequest, "stdio">): void {
  for (const text of [...argv, ...env]) {
    if (text.includes("\0")) {
      throw new InclavareError("ERR_WASM_ARGUMENT", "an argument or variable contains a NUL byte");
    }
  }
  if (!cwd.startsWith("/")) {
    throw new InclavareError("ERR_WASM_CWD", `working directory is ${JSON.stringify(cwd)}, expected an absolute path`);
  }
}

function assertStdio(stdio: ProcessRequest["stdio"]): void {
  for (const [name, fd] of Object.entries(stdio)) {
    try {
      fstatSync(fd);
    } catch (error) {
      throw new InclavareError("ERR_WASM_ARGUMENT", `${name} is descriptor ${fd}, which is not open`, { cause: error });
    }
  }
}

/** Preview 1 knows no working directory: those guests that have one at all begin with what PWD says. */
function withWorkingDirectory(env: readonly string[], cwd: string): readonly string[] {
  return cwd === "/" || env.some((entry) => entry.startsWith("PWD=")) ? env : [...env, `PWD=${cwd}`];
}
