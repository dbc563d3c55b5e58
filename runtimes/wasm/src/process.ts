import { writeSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";
import { closeQuietly, createEventfd, pollDescriptors, signalEventfd } from "@inclavare/linux";
import { describeTrap } from "./guest/trap.ts";
import { type GuestWorker, HEAP_MEBIBYTES } from "./guest-worker.ts";
import type { GuestMessage, GuestStart, Outcome } from "./protocol.ts";

/** For a killed worker to end; its process counts as ended after that in any case. */
const END_TIMEOUT_MS = 2_000;
const MEBIBYTE = 1 << 20;

export type GuestProcessOptions = Omit<GuestStart, "killEventfd" | "control">;

/** One guest process in its worker. */
export class GuestProcess {
  readonly program: string;
  /** Settles when the process has ended, whether it ever ran or not; never rejects. */
  readonly ended: Promise<Outcome>;
  readonly #worker: GuestWorker;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #killEventfd: number;
  readonly #stderr: number;
  readonly #end: (outcome: Outcome) => void;
  #outcome: Outcome | undefined;
  #hasStarted = false;
  #isGone = false;

  /** Turns a worker into a process, and waits until it could run the program. @throws ERR_WASM_GUEST */
  static async create(worker: GuestWorker, options: GuestProcessOptions): Promise<GuestProcess> {
    const guest = new GuestProcess(worker, options.program, options.stdio.stderr);
    try {
      const start: GuestStart = { ...options, killEventfd: guest.#killEventfd, control: guest.#control.buffer };
      await worker.prepare({ type: "prepare", start });
      return guest;
    } catch (error) {
      guest.kill(9);
      throw error;
    }
  }

  private constructor(worker: GuestWorker, program: string, stderr: number) {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.program = program;
    this.ended = promise;
    this.#end = resolve;
    this.#control = new Int32Array(new SharedArrayBuffer(4));
    this.#stderr = stderr;
    this.#killEventfd = createEventfd();
    this.#worker = worker;
    worker.thread.on("message", (message: GuestMessage) => {
      if (message.type === "ended") this.#settle(message.outcome);
    });
    worker.thread.on("error", (error) => this.#crash(error));
    worker.thread.on("exit", () => this.#leave());
  }

  get hasEnded(): boolean {
    return this.#outcome !== undefined;
  }

  /** Runs the program to its end. @throws ERR_WASM_STATE the second time */
  async run(): Promise<Outcome> {
    if (this.#hasStarted) throw new InclavareError("ERR_WASM_STATE", `the process of ${this.program} has run already`);
    this.#hasStarted = true;
    if (this.#outcome === undefined) this.#worker.post({ type: "go" });
    return await this.ended;
  }

  /** Ends the process at once, wherever it is: waiting in a host function, or computing. */
  kill(signal: number): void {
    if (this.#outcome !== undefined || Atomics.compareExchange(this.#control, 0, 0, signal) !== 0) return;
    Atomics.notify(this.#control, 0);
    if (!this.#isGone) signalEventfd(this.#killEventfd);
    this.#worker.terminate();
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
    this.#worker.terminate();
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
