import { join } from "node:path";
import { removeForgottenCgroups } from "../bundle/cgroups.ts";
import { readPid, writeOptions } from "../bundle/files.ts";
import { mountRootfs } from "../bundle/mount.ts";
import { unmountBelow } from "../bundle/unmount.ts";
import { findCgroup } from "../cgroup/cgroup.ts";
import type { CreateRequest } from "../messages/task.ts";
import { readOptions } from "../options.ts";
import { chooseRuntime, type RuntimeContext } from "../runtime/choose.ts";
import { openIo, type ProcessIo } from "../stdio/io.ts";
import { TaskContainer, type TaskContext } from "./container.ts";
import { refused, whileDoing } from "./errors.ts";
import { TaskProcess } from "./process.ts";
import { hasOwnPidNamespace, readSpec } from "./spec.ts";

/**
 * Makes a container and tells it. Whatever fails, nothing stays behind but the bundle's files.
 * @param isGivenUp asked when it is made: containerd has forgotten it meanwhile, and nobody would ever remove it
 */
export async function createContainer(
  request: CreateRequest,
  context: TaskContext,
  runtimes: RuntimeContext,
  isGivenUp: () => boolean,
): Promise<TaskContainer> {
  const { id, bundle } = request;
  const options = await readOptions(request.options);
  const spec = readSpec(bundle);
  const { uid = 0, gid = 0 } = spec.process?.user ?? {};
  const owner = { uid: options.ioUid ?? uid, gid: options.ioGid ?? gid };
  const runtime = await chooseRuntime(runtimes, bundle, options);
  writeOptions(bundle, options);
  const init = new TaskProcess(request);
  const parts = { id, bundle, options, runtime, init, owner, hasOwnPidNamespace: hasOwnPidNamespace(spec) };
  const container = new TaskContainer(parts, context);
  const rootfs = join(bundle, "rootfs");
  let io: ProcessIo | undefined;
  let isMade = false;
  try {
    mountRootfs(rootfs, request.rootfs);
    io = await openIo(request, { owner, containerId: id, namespace: context.namespace });
    await make(container, io).catch((error: unknown) => {
      isMade = !String(error).includes("already exists"); // or half of it: the runtime may have been killed over it
      throw whileDoing("OCI runtime create failed", error);
    });
    isMade = true;
    if (isGivenUp()) throw refused(`nobody waits any more for container ${id} to be made`);
    io.start();
    const pid = readPid(container.pidFile(""));
    if (pid === 0) throw refused("the low-level runtime has written no pid");
    init.io = io;
    watchMemory(container, pid, context);
    context.publisher.publish("TaskCreate", {
      containerId: id,
      bundle,
      rootfs: request.rootfs,
      io: request,
      checkpoint: "",
      pid,
    });
    container.watch(init, pid, "");
    return container;
  } catch (error) {
    if (isMade) await undo(container).catch(() => undefined);
    await io?.close();
    if (request.rootfs.length > 0) unmountBelow(rootfs);
    throw error;
  }
}

async function undo({ parts: { id, bundle, runtime, options } }: TaskContainer): Promise<void> {
  await runtime.delete(id, true);
  await removeForgottenCgroups(bundle, id, options.systemdCgroup);
}

async function make(container: TaskContainer, io: ProcessIo): Promise<void> {
  const { id, bundle, options, runtime } = container.parts;
  await runtime.create({
    id,
    bundle,
    pidFile: container.pidFile(""),
    stdio: io.descriptors,
    consoleSocket: io.consoleSocket,
    noPivot: options.noPivot,
    noNewKeyring: options.noNewKeyring,
  });
}

/** A container without a cgroup that can be watched is as good a container. */
function watchMemory(container: TaskContainer, pid: number, { log, publisher }: TaskContext): void {
  try {
    container.cgroup = findCgroup(pid);
    container.oomWatch = container.cgroup.watchOom(() => publisher.publish("TaskOOM", { containerId: container.id }));
  } catch (error) {
    log.write("warning", `out-of-memory is not watched: ${String(error)}`, { id: container.id });
  }
}
