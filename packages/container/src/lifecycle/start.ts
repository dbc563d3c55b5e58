import { InclavareError } from "@inclavare/errors";
import { readRecord } from "../record.ts";
import { startMain } from "./bring-up.ts";
import { type Engine, pathsOf } from "./engine.ts";
import { containerState } from "./state.ts";

/** Runs the application of a created container. @throws ERR_CONTAINER_STATE with runc's words, init-runelet's reasons */
export async function startContainer(engine: Engine, id: string): Promise<void> {
  const paths = pathsOf(engine, id);
  const record = readRecord(paths);
  if (record.status !== "created") throw await refusal(engine, id);
  try {
    await startMain(paths, record);
  } catch (error) {
    if (error instanceof InclavareError && error.code !== "ERR_RUNELET_ENDED" && error.code !== "ERR_CONTAINER_STATE")
      throw error;
    throw await refusal(engine, id);
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
