import { rmSync } from "node:fs";
import { join } from "node:path";
import { readPid } from "../bundle/files.ts";
import { toTimestamp, typeName } from "../messages/common.ts";
import type { ExecRequest } from "../messages/task.ts";
import { openIo, type ProcessIo } from "../stdio/io.ts";
import type { TaskContainer, TaskContext } from "./container.ts";
import { exists, invalid, precondition, refused, whileDoing } from "./errors.ts";
import { TaskProcess } from "./process.ts";

/** What State and Wait say of a process that could not be started. */
const FAILED_STATUS = 255;
/** It names files of the bundle. */
const EXEC_ID = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,254})$/u;

/** A further process, recorded but not started. */
export class ExecProcess extends TaskProcess {
  /** The OCI process as JSON. */
  readonly spec: string;
  readonly owner: { readonly uid: number; readonly gid: number };
  #stdinClosed = false;

  constructor(request: ExecRequest, spec: { user?: { uid?: number; gid?: number } }) {
    super(request);
    this.spec = JSON.stringify({ ...spec, terminal: request.terminal });
    this.owner = { uid: spec.user?.uid ?? 0, gid: spec.user?.gid ?? 0 };
  }

  override closeStdin(): void {
    this.#stdinClosed = true;
    super.closeStdin();
  }

  use(io: ProcessIo): void {
    this.io = io;
    if (this.#stdinClosed) io.closeStdin();
  }
}

/** Records a process. @throws ALREADY_EXISTS, INVALID_ARGUMENT, and UNKNOWN in a container that does not run */
export function addExec(container: TaskContainer, request: ExecRequest, { publisher }: TaskContext): void {
  const { execId, spec } = request;
  if (container.execs.has(execId)) throw exists(`id ${execId}`);
  if (!EXEC_ID.test(execId)) throw invalid(`${JSON.stringify(execId)} is no id of a process`);
  if (container.init.state === "stopped" || container.isEnding) throw refused("cannot exec in a stopped state");
  if (container.pause !== "no") throw refused("cannot exec in a paused state");
  if (spec === undefined || typeName(spec) !== "Process") throw invalid("the request has no process");
  container.execs.set(execId, new ExecProcess(request, parseProcess(spec.value)));
  publisher.publish("TaskExecAdded", { containerId: container.id, execId });
}

function parseProcess(bytes: Uint8Array): { user?: { uid?: number; gid?: number } } {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // refused below
  }
  throw invalid("the process is not a JSON object");
}

/** Starts a recorded process and tells it. @throws FAILED_PRECONDITION when the container's own process has ended */
export async function startExec(container: TaskContainer, execId: string, context: TaskContext): Promise<number> {
  const process = container.process(execId);
  if (!(process instanceof ExecProcess)) throw invalid(`${execId} is not a further process`);
  if (process.state !== "created" || process.starting !== undefined)
    throw refused(`cannot start a ${stateOf(process)} process`);
  if (container.isEnding || container.init.state === "stopped")
    throw precondition(`container ${container.id} init process is not running`);
  const started = launch(container, execId, process, context);
  process.starting = started.then(() => undefined);
  process.starting.catch(() => undefined);
  try {
    return await started;
  } catch (error) {
    process.stop({ status: FAILED_STATUS, at: toTimestamp(context.now()) });
    throw error;
  }
}

export function stateOf({ state, starting }: TaskProcess): string {
  return starting !== undefined && state === "created" ? "starting" : state;
}

async function launch(
  container: TaskContainer,
  execId: string,
  process: ExecProcess,
  { publisher, namespace }: TaskContext,
): Promise<number> {
  const { id, bundle, runtime, options } = container.parts;
  const pidFile = container.pidFile(execId);
  const io = await openIo(process.stdio, {
    owner: { uid: options.ioUid ?? process.owner.uid, gid: options.ioGid ?? process.owner.gid },
    containerId: id,
    namespace,
  });
  try {
    const processFile = join(bundle, `${execId}.process.json`);
    const setup = { id, pidFile, processFile, process: process.spec };
    await runtime.exec({ ...setup, stdio: io.descriptors, consoleSocket: io.consoleSocket }).catch((error: unknown) => {
      throw whileDoing("OCI runtime exec failed", error);
    });
    process.use(io);
    io.start();
    const pid = readPid(pidFile);
    if (pid === 0) throw refused("the low-level runtime has written no pid");
    process.state = "running";
    publisher.publish("TaskExecStarted", { containerId: id, execId, pid });
    container.watch(process, pid, execId);
    return pid;
  } catch (error) {
    await io.close();
    rmSync(pidFile, { force: true });
    throw error;
  }
}
