import { onProcessExit, type ProcessExit } from "@inclavare/linux";
import type { Timestamp } from "../messages/common.ts";
import { TASK_STATUS } from "../messages/task.ts";
import type { ProcessIo, StdioRequest } from "../stdio/io.ts";

/** How a process ended, the same wherever it is told: State, Wait, Delete and the event. */
export interface Exit {
  /** Exit code, or 128 + signal. */
  readonly status: number;
  readonly at: Timestamp;
}

/** Go's zero time: what "not yet" looks like. */
const NEVER: Timestamp = { seconds: -62135596800n, nanos: 0 };

/** A container's own process, or a further one. */
export class TaskProcess {
  readonly stdio: StdioRequest;
  pid = 0;
  state: "created" | "running" | "stopped" = "created";
  io: ProcessIo | undefined;
  /** Set while a start is under way, so that its end is not told before its beginning. */
  starting: Promise<void> | undefined;
  /** Set while and after it is deleted, so that a repeated call gets the same answer. */
  deleting: Promise<Exit> | undefined;
  readonly #exited = Promise.withResolvers<Exit>();
  #exit: Exit | undefined;
  #watch: Disposable | undefined;

  constructor(stdio: StdioRequest) {
    this.stdio = stdio;
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  get exitStatus(): number {
    return this.#exit?.status ?? 0;
  }

  get exitedAt(): Timestamp {
    return this.#exit?.at ?? NEVER;
  }

  /** Resolves when it has ended, at once when it has already. */
  async exited(): Promise<Exit> {
    return await this.#exited.promise;
  }

  /** containerd's word for the state. */
  statusIn(containerIsPaused: boolean): number {
    return containerIsPaused && this.state === "running" ? TASK_STATUS.paused : TASK_STATUS[this.state];
  }

  /**
   * Calls back when the process ends. A process that has ended already is a zombie of ours until then, so nothing is
   * missed however late this is called.
   */
  watch(pid: number, ended: (status: number) => void): void {
    this.pid = pid;
    this.#watch = onProcessExit(pid, (exit) => ended(statusOf(exit)));
  }

  /** Records the end, then lets those go on who wait for it. */
  stop(exit: Exit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    this.state = "stopped";
    this.#exited.resolve(exit);
  }

  /** No more input will come. */
  closeStdin(): void {
    this.io?.closeStdin();
  }

  forget(): void {
    this.#watch?.[Symbol.dispose]();
  }
}

/** What is said of a process whose status somebody else has taken. */
const UNKNOWN_STATUS = 255;

function statusOf(exit: ProcessExit | undefined): number {
  if (exit === undefined) return UNKNOWN_STATUS;
  return exit.code ?? 128 + (exit.signal ?? 0);
}
