import { InclavareError, isInclavareError } from "@inclavare/errors";
import { readRecord } from "../record.ts";
import { startMain } from "./bring-up.ts";
import { awaitEnd } from "./end.ts";
import { type Engine, pathsOf } from "./engine.ts";
import { runStartHooks } from "./start-hooks.ts";
import { containerState } from "./state.ts";

/**
 * Runs the application of a created container. When that fails, the container has ended.
 * @throws ERR_CONTAINER_STATE with runc's words, ERR_HOOK, init-runelet's reasons
 */
export async function startContainer(engine: Engine, id: string): Promise<void> {
  const paths = pathsOf(engine, id);
  const record = readRecord(paths);
  if (record.status !== "created") throw await refusal(engine, id);
  try {
    await runStartHooks(engine, paths, record);
    await startMain(paths, record);
  } catch (error) {
    if (isInclavareError(error, "ERR_CONTAINER_STATE")) throw await refusal(engine, id);
    await awaitEnd(engine, id);
    throw isInclavareError(error, "ERR_RUNELET_ENDED") ? await refusal(engine, id) : error;
  }
}

async function refusal(engine: Engine, id: string): Promise<InclavareError> {
  const { status } = await containerState(engine, id);
  const text =
    status === "stopped"
      ? "cannot start a container that has stopped"
      : status === "creating"
        ? "cannot start a container that is not created yet"
        : "cannot start an already running container";
  return new InclavareError("ERR_CONTAINER_STATE", text);
}
