import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Log } from "../daemon/log.ts";
import type { EventPublisher } from "../events/publisher.ts";
import { toTimestamp } from "../messages/common.ts";
import type { ShimOptions } from "../options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { notFound } from "./errors.ts";
import type { TaskProcess } from "./process.ts";

/** After the container's own process has ended, how long its other processes may still take to be gone. */
const REST_MS = 10_000;
const SIGKILL = 9;

/** What every container of a shim uses. */
export interface TaskContext {
  readonly namespace: string;
  readonly publisher: EventPublisher;
  readonly log: Log;
  readonly now: () => Date;
}

export interface ContainerParts {
  readonly id: string;
  readonly bundle: string;
  readonly options: ShimOptions;
  readonly runtime: Runtime;
  readonly init: TaskProcess;
  /** Who may open standard input and output anew. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly hasOwnPidNamespace: boolean;
}

/** A container from Create to Delete. */
export class TaskContainer {
  readonly parts: ContainerParts;
  /** Further processes by their ids, from Exec to their Delete. */
  readonly execs = new Map<string, TaskProcess>();
  pause: "no" | "pausing" | "paused" = "no";
  cgroup: Cgroup | undefined;
  oomWatch: { close(): void } | undefined;
  /** Set from the moment at which its own process was reaped: nothing more is started in it. */
  isEnding = false;
  readonly #context: TaskContext;

  constructor(parts: ContainerParts, context: TaskContext) {
    this.parts = parts;
    this.#context = context;
  }

  get id(): string {
    return this.parts.id;
  }

  get init(): TaskProcess {
    return this.parts.init;
  }

  /** @param execId empty for the container's own process. @throws NOT_FOUND */
  process(execId: string): TaskProcess {
    if (execId === "") return this.init;
    const found = this.execs.get(execId);
    if (found === undefined) throw notFound(`process does not exist ${execId}`);
    return found;
  }

  pidFile(execId: string): string {
    return join(this.parts.bundle, execId === "" ? "init.pid" : `${execId}.pid`);
  }

  /** Begins to wait for the end of a process of this container, and tells it in its turn. */
  watch(process: TaskProcess, pid: number, execId: string): void {
    process.watch(pid, (status) => {
      const exit = { status, at: toTimestamp(this.#context.now()) };
      const told = execId === "" ? this.#initEnded(exit) : this.#execEnded(execId, process, exit);
      told.catch((error: unknown) =>
        this.#context.log.write("error", `after an exit: ${String(error)}`, { id: this.id }),
      );
    });
  }

  endOomWatch(): void {
    this.oomWatch?.close();
    this.oomWatch = undefined;
  }

  async #execEnded(execId: string, process: TaskProcess, exit: Exit): Promise<void> {
    await process.starting?.catch(() => undefined); // its beginning is told first
    this.#tell(process, execId, exit);
  }

  /** The end of the container's own process is the last one that is told. */
  async #initEnded(exit: Exit): Promise<void> {
    this.isEnding = true;
    await this.init.starting?.catch(() => undefined);
    const { runtime, hasOwnPidNamespace } = this.parts;
    if (this.pause !== "no") await this.#attempt(() => runtime.resume(this.id));
    if (!hasOwnPidNamespace) await this.#attempt(() => runtime.kill(this.id, SIGKILL, true));
    await Promise.race([this.#othersEnded(), sleep(REST_MS, undefined, { ref: false })]);
    this.pause = "no";
    if (this.cgroup?.sawNewOom() === true) this.#context.publisher.publish("TaskOOM", { containerId: this.id });
    this.endOomWatch();
    this.#tell(this.init, this.id, exit);
  }

  async #othersEnded(): Promise<void> {
    for (const process of this.execs.values()) {
      await process.starting?.catch(() => undefined);
      if (process.state === "running") await process.exited();
    }
  }

  #tell(process: TaskProcess, id: string, exit: Exit): void {
    process.stop(exit);
    this.#context.publisher.publish("TaskExit", {
      containerId: this.id,
      id,
      pid: process.pid,
      exitStatus: exit.status,
      exitedAt: exit.at,
    });
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#context.log.write("debug", `while the container ended: ${String(error)}`, { id: this.id });
    }
  }
}

type Exit = Parameters<TaskProcess["stop"]>[0];
