import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { InclavareError } from "@inclavare/errors";
import { closeQuietly, createEventfd, pollDescriptors, signalEventfd } from "@inclavare/linux";
import { describeTrap } from "./guest/trap.ts";
import type { GuestMessage, GuestStart, HostMessage, Outcome } from "./protocol.ts";

/** For a worker to load its code and build its file system. */
const READY_TIMEOUT_MS = 30_000;
/** For a killed worker to end; its process counts as ended after that in any case. */
const END_TIMEOUT_MS = 2_000;
const MEBIBYTE = 1 << 20;
/** Of the worker's JavaScript heap: the file system's inodes, and the guest's tables and references. */
const HEAP_MEBIBYTES = 256;
/** As the main thread of a Linux program commonly has. */
const STACK_MEBIBYTES = 8;

export type GuestProcessOptions = Omit<GuestStart, "killEventfd" | "control"> & {
  /** The code of the worker. */
  readonly guestScript: URL;
};

function startWorker(guestScript: URL, start: GuestStart): Worker {
  try {
    return new Worker(guestScript, {
      name: "guest",
      workerData: start,
      // Nothing of this process's environment, arguments or streams.
      env: {},
      argv: [],
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      trackUnmanagedFds: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES, stackSizeMb: STACK_MEBIBYTES },
    });
  } catch (cause) {
    closeQuietly([start.killEventfd]);
    throw new InclavareError("ERR_WASM_GUEST", `no worker could be made for ${start.program}`, { cause });
  }
}

/** One guest process in its worker. */
export class GuestProcess {
  readonly program: string;
  /** Settles when the process has ended, whether it ever ran or not; never rejects. */
  readonly ended: Promise<Outcome>;
  readonly #worker: Worker;
  readonly #control: Int32Array;
  readonly #killEventfd: number;
  readonly #stderr: number;
  readonly #end: (outcome: Outcome) => void;
  #outcome: Outcome | undefined;
  #hasStarted = false;
  #isGone = false;

  /** Starts the worker and waits until it could run the program. @throws ERR_WASM_GUEST */
  static async create(options: GuestProcessOptions): Promise<GuestProcess> {
    const guest = new GuestProcess(options);
    try {
      await guest.#ready();
      return guest;
    } catch (error) {
      guest.kill(9);
      throw error;
    }
  }

  private constructor({ guestScript, ...options }: GuestProcessOptions) {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const control = new SharedArrayBuffer(4);
    this.program = options.program;
    this.ended = promise;
    this.#end = resolve;
    this.#control = new Int32Array(control);
    this.#stderr = options.stdio.stderr;
    this.#killEventfd = createEventfd();
    const start: GuestStart = { ...options, killEventfd: this.#killEventfd, control };
    this.#worker = startWorker(guestScript, start);
    this.#worker.on("message", (message: GuestMessage) => {
      if (message.type === "ended") this.#settle(message.outcome);
    });
    this.#worker.on("error", (error) => this.#crash(error));
    this.#worker.on("exit", () => this.#leave());
  }

  async #ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const fail = (reason: string, cause?: unknown): void => {
      reject(new InclavareError("ERR_WASM_GUEST", `the worker of ${this.program} ${reason}`, { cause }));
    };
    const timer = setTimeout(() => fail(`was not ready within ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS);
    const onMessage = (message: GuestMessage): void => {
      if (message.type === "ready") resolve(undefined);
    };
    const onError = (error: unknown): void => fail("failed", error);
    const onExit = (): void => fail("ended before it was ready");
    this.#worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#worker.off("message", onMessage).off("error", onError).off("exit", onExit);
    }
  }

  get hasEnded(): boolean {
    return this.#outcome !== undefined;
  }

  /** Runs the program to its end. @throws ERR_WASM_STATE the second time */
  async run(): Promise<Outcome> {
    if (this.#hasStarted) throw new InclavareError("ERR_WASM_STATE", `the process of ${this.program} has run already`);
    this.#hasStarted = true;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port, no window
    if (this.#outcome === undefined) this.#worker.postMessage({ type: "go" } satisfies HostMessage);
    return await this.ended;
  }

  /** Ends the process at once, wherever it is: waiting in a host function, or computing. */
  kill(signal: number): void {
    if (this.#outcome !== undefined || Atomics.compareExchange(this.#control, 0, 0, signal) !== 0) return;
    Atomics.notify(this.#control, 0);
    if (!this.#isGone) signalEventfd(this.#killEventfd);
    this.#terminate();
    // A worker can be held up by the kernel (a terminal that is stopped); nobody waits for that.
    const timer = setTimeout(() => this.#settle({ kind: "signalled", signal }), END_TIMEOUT_MS);
    void this.ended.then(() => clearTimeout(timer));
  }

  #settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    const signal = Atomics.load(this.#control, 0);
    // A process that was killed has been killed, also when it had just come to its end.
    this.#outcome = signal === 0 ? outcome : { kind: "signalled", signal };
    this.#end(this.#outcome);
    this.#terminate();
  }

  #terminate(): void {
    // Never rejects for a worker that has ended; what it resolves with is told by the exit event as well.
    void this.#worker.terminate();
  }

  #crash(error: unknown): void {
    const isHeap = (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
    const limit = `tables and references need more than ${HEAP_MEBIBYTES * MEBIBYTE} bytes`;
    const reason = isHeap ? limit : `host failed: ${describeTrap(error)}`;
    if (this.#outcome === undefined && this.#hasStarted) this.#report(`${this.program}: trap: ${reason}\n`);
    this.#settle({ kind: "trapped", reason });
  }

  #leave(): void {
    this.#isGone = true;
    closeQuietly([this.#killEventfd]);
    this.#settle({ kind: "trapped", reason: "the worker ended without a word" });
  }

  /** The worker cannot tell any more, so this thread does, if that does not block it. */
  #report(line: string): void {
    try {
      const [stderr] = pollDescriptors([{ fd: this.#stderr, writable: true }], 0);
      if (stderr?.writable === true) writeSync(this.#stderr, line);
    } catch {
      // Nobody reads it.
    }
  }
}
