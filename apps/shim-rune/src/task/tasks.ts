import { existsSync } from "node:fs";
import { typeName } from "../messages/common.ts";
import { checkpointOptions, processDetails } from "../messages/options.ts";
import type {
  checkpointRequest,
  closeIoRequest,
  CreateRequest,
  ExecRequest,
  killRequest,
  ProcessRequest,
  resizeRequest,
  updateRequest,
} from "../messages/task.ts";
import { TASK_STATUS } from "../messages/task.ts";
import { type MessageOf, STATUS, TtrpcError } from "@inclavare/ttrpc";
import { join } from "node:path";
import { readMetrics } from "../cgroup/metrics.ts";
import type { TaskContainer, TaskContext } from "./container.ts";
import { createContainer } from "./create.ts";
import type { RuntimeContext } from "../runtime/choose.ts";
import { deleteExec, deleteInit } from "./delete.ts";
import { exists, invalid, killFailure, notFound, precondition, refused, whileDoing } from "./errors.ts";
import { addExec, startExec, stateOf } from "./exec.ts";

export interface TasksOptions extends TaskContext {
  readonly runtimes: RuntimeContext;
  readonly version: string;
  /** Called when nothing is left and containerd has said that the shim may go. */
  readonly shutdown: () => void;
}

/** The containers of a shim, and what containerd can do with them: the seventeen calls of the Task service. */
export class Tasks {
  readonly #options: TasksOptions;
  readonly #containers = new Map<string, TaskContainer>();
  /** Containers that are being made, and whether somebody waits for them. */
  readonly #making = new Map<string, "wanted" | "given up">();
  /** Containers that are no more, as nobody was told: containerd had gone before the answer. */
  readonly #untold = new Set<string>();

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  /** Containers from Create to Delete. */
  get size(): number {
    return this.#containers.size;
  }

  get isEmpty(): boolean {
    return this.#containers.size === 0 && this.#making.size === 0;
  }

  /** Whether a process is being made whose number is not known yet. */
  get isMaking(): boolean {
    const containers = [...this.#containers.values()];
    const execs = containers.flatMap((container) => [...container.execs.values()]);
    return (
      this.#making.size > 0 ||
      execs.some(({ starting, pid, state }) => starting !== undefined && pid === 0 && state === "created")
    );
  }

  /** Pids of everything that is waited for here. */
  get pids(): ReadonlySet<number> {
    const processes = [...this.#containers.values()].flatMap(({ init, execs }) => [init, ...execs.values()]);
    return new Set(processes.map(({ pid }) => pid));
  }

  async create(request: CreateRequest, caller: AbortSignal) {
    const { id } = request;
    this.#untold.delete(id);
    if (this.#containers.has(id) || this.#making.has(id)) throw exists(`container ${id} exists already`);
    if (request.checkpoint !== "")
      throw new TtrpcError(STATUS.unimplemented, "containers are not restored from a checkpoint");
    this.#making.set(id, "wanted");
    const isGivenUp = (): boolean => this.#making.get(id) === "given up" || !existsSync(request.bundle);
    try {
      const container = await createContainer(request, this.#options, this.#options.runtimes, isGivenUp);
      this.#containers.set(id, container);
      return { pid: container.init.pid };
    } catch (error) {
      if (caller.aborted) this.#untold.add(id);
      throw error;
    } finally {
      const wasGivenUp = isGivenUp();
      this.#making.delete(id);
      if (wasGivenUp) this.#shutdownIfEmpty();
    }
  }

  /** A caller that no longer waits for Create asks for a deletion and for the shim's end, and never comes back. */
  #giveUp(id: string): void {
    if (this.#making.has(id)) this.#making.set(id, "given up");
  }

  async start({ id, execId }: ProcessRequest) {
    const container = this.#find(id);
    return {
      pid: execId === "" ? await this.#startInit(container) : await startExec(container, execId, this.#options),
    };
  }

  async #startInit(container: TaskContainer): Promise<number> {
    const { init } = container;
    if (init.state !== "created" || init.starting !== undefined || container.isEnding)
      throw refused(`cannot start a ${container.isEnding ? "stopped" : stateOf(init)} process`);
    init.starting = container.parts.runtime.start(container.id).then(() => {
      init.state = "running";
      this.#options.publisher.publish("TaskStart", { containerId: container.id, pid: init.pid });
    });
    try {
      await init.starting;
      return init.pid;
    } catch (error) {
      init.starting = undefined;
      throw whileDoing("OCI runtime start failed", error);
    }
  }

  async delete({ id, execId }: ProcessRequest, caller: AbortSignal) {
    this.#giveUp(id);
    const container = this.#find(id);
    const { pid } = container.process(execId);
    const exit =
      execId === ""
        ? await deleteInit(container, this.#options, () => this.#containers.delete(id))
        : await deleteExec(container, execId);
    if (execId === "" && caller.aborted) this.#untold.add(id);
    return { pid, exitStatus: exit.status, exitedAt: exit.at };
  }

  exec(request: ExecRequest): void {
    addExec(this.#find(request.id), request, this.#options);
  }

  /** From memory: it is asked all the time. */
  state({ id, execId }: ProcessRequest) {
    const container = this.#find(id);
    const process = container.process(execId);
    const isPausing = container.pause === "pausing" && process.state === "running";
    return {
      ...process.stdio,
      id: execId === "" ? id : execId,
      bundle: container.parts.bundle,
      pid: process.pid,
      status: isPausing ? TASK_STATUS.pausing : process.statusIn(container.pause === "paused"),
      exitStatus: process.exitStatus,
      exitedAt: process.exitedAt,
      execId: "",
    };
  }

  async wait({ id, execId }: ProcessRequest) {
    const exit = await this.#find(id).process(execId).exited();
    return { exitStatus: exit.status, exitedAt: exit.at };
  }

  async kill({ id, execId, signal, all }: MessageOf<typeof killRequest>): Promise<void> {
    const container = this.#find(id);
    const target = container.process(execId);
    if (target.pid === 0 && target.state !== "stopped") throw precondition("process not created");
    if (target.state === "stopped" || (execId === "" && container.isEnding)) throw notFound("process already finished");
    try {
      if (execId === "") await container.parts.runtime.kill(id, signal, all);
      else process.kill(target.pid, signal);
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "ESRCH"
        ? notFound("process already finished")
        : killFailure(error);
    }
  }

  resize({ id, execId, width, height }: MessageOf<typeof resizeRequest>): void {
    const process = this.#find(id).process(execId);
    if (process.state === "stopped" && execId !== "") throw refused("cannot resize a stopped process");
    process.io?.resize({ columns: clampSize(width), rows: clampSize(height) });
  }

  closeIo({ id, execId, stdin }: MessageOf<typeof closeIoRequest>): void {
    const process = this.#find(id).process(execId);
    if (stdin) process.closeStdin();
  }

  /** What has stopped and is not deleted still has its own process, so that nobody takes the shim for a leftover. */
  async listPids(id: string) {
    const container = this.#find(id);
    const { init, execs } = container;
    if (init.state === "stopped") return { processes: [{ pid: init.pid, info: undefined }] };
    const names = new Map([...execs].map(([execId, { pid }]) => [pid, execId] as const));
    const pids = await container.parts.runtime.pids(id);
    return {
      processes: (pids.length === 0 ? [init.pid] : pids).map((pid) => {
        const execId = names.get(pid);
        const value = {
          typeUrl: "containerd.runc.v1.ProcessDetails",
          value: processDetails.encode({ execId: execId ?? "" }),
        };
        return { pid, info: execId === undefined ? undefined : value };
      }),
    };
  }

  async pause(id: string): Promise<void> {
    const container = this.#find(id);
    const state = container.pause === "no" ? stateOf(container.init) : "paused";
    if (state !== "running" || container.isEnding) throw refused(`cannot pause a ${state} container`);
    container.pause = "pausing";
    try {
      await container.parts.runtime.pause(id);
      container.pause = "paused";
    } catch (error) {
      container.pause = "no";
      throw whileDoing("OCI runtime pause failed", error);
    }
    this.#options.publisher.publish("TaskPaused", { containerId: id });
  }

  async resume(id: string): Promise<void> {
    const container = this.#find(id);
    if (container.pause !== "paused") throw refused("cannot resume a container that is not paused");
    try {
      await container.parts.runtime.resume(id);
    } catch (error) {
      throw whileDoing("OCI runtime resume failed", error);
    }
    container.pause = "no";
    this.#options.publisher.publish("TaskResumed", { containerId: id });
  }

  async checkpoint({ id, path, options }: MessageOf<typeof checkpointRequest>): Promise<void> {
    const container = this.#find(id);
    if (container.init.state !== "running" || container.isEnding)
      throw refused(`cannot checkpoint a ${stateOf(container.init)} container`);
    if (options !== undefined && typeName(options) !== "containerd.runc.v1.CheckpointOptions")
      throw invalid(`options of the type ${options.typeUrl} are not known`);
    const asked = checkpointOptions.decode(options?.value ?? new Uint8Array());
    const flags = [
      ...(asked.exit ? [] : ["--leave-running"]),
      ...(asked.openTcp ? ["--tcp-established"] : []),
      ...(asked.externalUnixSockets ? ["--ext-unix-sk"] : []),
      ...(asked.terminal ? ["--shell-job"] : []),
      ...(asked.fileLocks ? ["--file-locks"] : []),
      ...asked.emptyNamespaces.flatMap((name) => ["--empty-ns", name]),
      ...(asked.cgroupsMode === "" ? [] : ["--manage-cgroups-mode", asked.cgroupsMode]),
    ];
    const { bundle, runtime } = container.parts;
    const workPath = asked.workPath === "" ? join(bundle, "criu-work") : asked.workPath;
    try {
      await runtime.checkpoint({ id, imagePath: asked.imagePath === "" ? path : asked.imagePath, workPath, flags });
    } catch (error) {
      throw whileDoing("OCI runtime checkpoint failed", error);
    }
    this.#options.publisher.publish("TaskCheckpointed", { containerId: id, checkpoint: path });
  }

  async update({ id, resources }: MessageOf<typeof updateRequest>): Promise<void> {
    const { parts } = this.#find(id);
    if (resources === undefined || typeName(resources) !== "LinuxResources")
      throw invalid("the request has no resources of Linux");
    try {
      await parts.runtime.update(id, resources.value, join(parts.bundle, "update.json"));
    } catch (error) {
      throw whileDoing("OCI runtime update failed", error);
    }
  }

  async stats(id: string) {
    const { cgroup } = this.#find(id);
    if (cgroup === undefined) throw notFound("cgroup does not exist");
    return { stats: await readMetrics(cgroup) };
  }

  /**
   * Answered for any id, for containerd asks it to see whether the shim lives; but where it would take a container for alive
   * that is no more, it is told, and cleans up.
   */
  connect(id: string) {
    if (this.#untold.delete(id)) {
      this.#shutdownIfEmpty();
      throw notFound("container not created");
    }
    return {
      shimPid: process.pid,
      taskPid: this.#containers.get(id)?.init.pid ?? 0,
      version: this.#options.version,
    };
  }

  shutdown(id: string): void {
    this.#giveUp(id);
    this.#shutdownIfEmpty();
  }

  /** A shim that others still need stays. */
  #shutdownIfEmpty(): void {
    if (this.isEmpty) this.#options.shutdown();
  }

  #find(id: string): TaskContainer {
    const found = this.#containers.get(id);
    if (found === undefined) throw notFound("container not created");
    return found;
  }
}

/** A terminal's size has sixteen bits. */
function clampSize(value: number): number {
  return Math.min(value, 0xffff);
}
