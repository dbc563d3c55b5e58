import { existsSync } from "node:fs";
import { join } from "node:path";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { processesIn, removeEmptyCgroups } from "../cgroups.ts";
import type { ContainerPaths } from "../paths.ts";
import { readRecord } from "../record.ts";
import { mustRunc } from "../runc.ts";
import { type Engine, LONG_MS, pathsOf, removeFolder, SHORT_MS } from "./engine.ts";
import { parseState, statusOf } from "./state.ts";

/**
 * Removes a container, and cleans up after whatever was killed over it: runc's part first, then ours, so that an
 * interrupted removal can be repeated.
 * @throws ERR_CONTAINER_STATE when it runs and `force` is not set; ERR_CONTAINER_NOT_FOUND without `force`;
 * ERR_CGROUP_BUSY when a process stays in its cgroup: the removal can be repeated then
 */
export async function deleteContainer(engine: Engine, id: string, force: boolean): Promise<void> {
  const paths = pathsOf(engine, id);
  const status = await statusIfAny(engine, id);
  if (status !== undefined && !force && status !== "stopped" && status !== "created") {
    throw new InclavareError("ERR_CONTAINER_STATE", `cannot delete container ${id} that is not stopped: ${status}`);
  }
  // For runc a created enclave container runs already; and what runc does not know of may have left its folder behind.
  const flags = force || status !== "stopped" ? ["--force"] : [];
  try {
    await mustRunc(engine.runc, { args: ["delete", ...flags, id], deadlineMs: LONG_MS });
  } catch (error) {
    if (existsSync(join(engine.runc.root, id))) throw error;
  }
  assertRemoved(id, await removeEmptyCgroups(cgroupsOf(paths)));
  removeFolder(paths);
  if (status === undefined && !force) throw new InclavareError("ERR_CONTAINER_NOT_FOUND", "container does not exist");
}

/**
 * runc forgets a cgroup when it is killed between making it and writing that down, and when somebody in it takes longer to
 * end than runc waits.
 */
function cgroupsOf(paths: ContainerPaths): readonly string[] {
  try {
    return readRecord(paths).cgroups ?? [];
  } catch {
    return [];
  }
}

function assertRemoved(id: string, [left]: readonly string[]): void {
  if (left === undefined) return;
  throw new InclavareError(
    "ERR_CGROUP_BUSY",
    `cannot remove ${left}: device or resource busy; in it are processes ${processesIn(left).join(", ") || "no more"}; ` +
      `end them and delete ${id} again`,
  );
}

/** What the container is, as far as runc knows it; a broken record of ours must not make it immortal. */
async function statusIfAny(engine: Engine, id: string): Promise<string | undefined> {
  let runcStatus: string;
  try {
    runcStatus = parseState(await mustRunc(engine.runc, { args: ["state", id], deadlineMs: SHORT_MS })).status;
  } catch (error) {
    if (isInclavareError(error, "ERR_CONTAINER_NOT_FOUND")) return undefined;
    throw error;
  }
  const paths = pathsOf(engine, id);
  try {
    return await statusOf(runcStatus, readRecord(paths), paths.control);
  } catch {
    return runcStatus;
  }
}
