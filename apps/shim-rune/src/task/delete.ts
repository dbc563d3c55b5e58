import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { unmountBelow } from "../bundle/unmount.ts";
import type { TaskContainer, TaskContext } from "./container.ts";
import { refused, whileDoing } from "./errors.ts";
import type { Exit, TaskProcess } from "./process.ts";

/** A process that was left behind may hold the output open for ever; kubelet's side gives a deletion ten seconds in all. */
const COPY_MS = 5_000;
/** From the removal of a container that was never started to the end of its process. */
const END_MS = 5_000;

/** Removes a container that does not run. A repeated call gets the answer of the first one. @param forget takes it out of the shim */
export async function deleteInit(container: TaskContainer, context: TaskContext, forget: () => void): Promise<Exit> {
  const { init } = container;
  if (init.state === "running")
    throw refused(`cannot delete a ${container.pause === "paused" ? "paused" : "running"} process`);
  init.deleting ??= removeContainer(container, context, forget).catch((error: unknown) => {
    init.deleting = undefined; // it can be tried again
    throw error;
  });
  return await init.deleting;
}

async function removeContainer(container: TaskContainer, context: TaskContext, forget: () => void): Promise<Exit> {
  const { init } = container;
  const { id, bundle, runtime } = container.parts;
  const wasStarted = init.state === "stopped";
  if (wasStarted) await copied(init);
  try {
    await runtime.delete(id, false);
  } catch (error) {
    throw whileDoing("failed to delete task", error);
  }
  if (!wasStarted) {
    await Promise.race([init.exited(), sleep(END_MS, undefined, { ref: false })]);
    await copied(init);
  }
  await init.io?.close();
  for (const process of container.execs.values()) {
    await process.io?.close();
    process.forget();
  }
  init.forget();
  container.endOomWatch();
  try {
    unmountBelow(join(bundle, "rootfs"));
  } catch (error) {
    context.log.write("warning", `rootfs stays mounted: ${String(error)}`, { id });
  }
  forget();
  const exit = { status: init.exitStatus, at: init.exitedAt };
  context.publisher.publish("TaskDelete", {
    containerId: id,
    pid: init.pid,
    exitStatus: exit.status,
    exitedAt: exit.at,
  });
  return exit;
}

/** Removes a further process that does not run. Nothing is told of it. */
export async function deleteExec(container: TaskContainer, execId: string): Promise<Exit> {
  const process = container.process(execId);
  await process.starting?.catch(() => undefined);
  if (process.state === "running") throw refused("cannot delete a running process");
  process.deleting ??= removeExec(container, execId, process);
  return await process.deleting;
}

async function removeExec(container: TaskContainer, execId: string, process: TaskProcess): Promise<Exit> {
  await copied(process);
  await process.io?.close();
  process.forget();
  rmSync(container.pidFile(execId), { force: true });
  container.execs.delete(execId);
  const exit = { status: process.exitStatus, at: process.exitedAt };
  process.stop(exit); // whoever waits for one that was never started
  return exit;
}

async function copied({ io }: TaskProcess): Promise<void> {
  if (io !== undefined) await Promise.race([io.copied, sleep(COPY_MS, undefined, { ref: false })]);
}
