import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isInclavareError } from "@inclavare/errors";
import { mustRunc } from "../runc.ts";
import { type Engine, SHORT_MS } from "./engine.ts";
import { parseState } from "./state.ts";

/** init-runelet gives its enclave two seconds to be destroyed. */
const WAIT_MS = 5_000;
const PAUSE_MS = 5;

/**
 * Waits for the end of a container that could not be started: init-runelet ends by itself then, and is killed if it does
 * not. Whoever called `start` deletes the container next, and is told that it must be stopped for that if it still runs:
 * containerd and dockerd leave it lying then, for good.
 */
export async function awaitEnd(engine: Engine, id: string): Promise<void> {
  const pid = await pidOf(engine, id);
  if (pid === undefined || (await hasEnded(pid))) return;
  await mustRunc(engine.runc, { args: ["kill", id, "KILL"], deadlineMs: SHORT_MS }).catch(() => undefined);
  await hasEnded(pid);
}

async function pidOf(engine: Engine, id: string): Promise<number | undefined> {
  try {
    const { status, pid } = parseState(await mustRunc(engine.runc, { args: ["state", id], deadlineMs: SHORT_MS }));
    return status === "stopped" ? undefined : pid;
  } catch (error) {
    if (isInclavareError(error, "ERR_CONTAINER_NOT_FOUND")) return undefined;
    throw error;
  }
}

/** Whether a process ends in time; one that is dead and waits for its parent has ended. */
async function hasEnded(pid: number): Promise<boolean> {
  for (const deadline = performance.now() + WAIT_MS; isAlive(pid); await sleep(PAUSE_MS))
    if (performance.now() > deadline) return false;
  return true;
}

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^\) [ZX] /u.test(stat.slice(stat.lastIndexOf(")")));
  } catch {
    return false;
  }
}
