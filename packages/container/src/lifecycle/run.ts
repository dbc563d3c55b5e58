import { isInclavareError } from "@inclavare/errors";
import { requestControl } from "../control-client.ts";
import { runcError, runRunc, type RuncOutcome } from "../runc.ts";
import { initialise, startMain } from "./bring-up.ts";
import { createContainer, createFlags, runeletStdio } from "./create.ts";
import { deleteContainer } from "./delete.ts";
import { discard } from "./discard.ts";
import type { Engine } from "./engine.ts";
import { type Asked, type CreateOptions, type Prepared, prepareContainer } from "./prepare.ts";
import { startContainer } from "./start.ts";
import { runStartHooks } from "./start-hooks.ts";

const FORWARD_DEADLINE_MS = 10_000;

export interface RunOptions extends CreateOptions {
  /** Return when the application runs, instead of when it has ended. */
  readonly detach: boolean;
  /** Leave the stopped container for `delete`. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
  /** Calls back with the number of each signal that reaches this process and is meant for the application. */
  readonly forwardSignals: (deliver: (signal: number) => void) => Disposable;
}

/**
 * Creates a container and runs its application.
 * @returns the application's exit code, or 0 when detached.
 */
export async function runContainer(engine: Engine, options: RunOptions, asked: Asked): Promise<number> {
  if (!options.detach) return await runInForeground(engine, options, asked);
  await createContainer(engine, options, asked);
  try {
    await startContainer(engine, options.id);
  } catch (error) {
    await deleteContainer(engine, options.id, true);
    throw error;
  }
  return 0;
}

/**
 * `runc run` does terminal, reaping and exit status; the enclave is created and started over the control socket beside it.
 * The first to fail says why, and ends the other.
 */
async function runInForeground(engine: Engine, options: RunOptions, asked: Asked): Promise<number> {
  const prepared = await prepareContainer(engine, options, asked);
  const ended = new AbortController();
  const outcome = startRunc(engine, options, prepared).finally(() => ended.abort());
  outcome.catch(() => undefined); // awaited below, after what happens beside it
  const forwarding = options.forwardSignals((signal) => forward(prepared, signal));
  try {
    const record = await initialise(prepared, ended.signal);
    await runStartHooks(engine, prepared.paths, record);
    await startMain(prepared.paths, record);
    const { code } = await outcome;
    if (!options.keep) await discard(engine, prepared);
    return code;
  } catch (error) {
    await discard(engine, prepared);
    const { code, error: said } = await outcome;
    const ofRunc = isInclavareError(error, "ERR_RUNELET_ENDED") && said !== "";
    throw ofRunc ? runcError("run", code, said, { printed: true }) : error;
  } finally {
    forwarding[Symbol.dispose]();
  }
}

async function startRunc(engine: Engine, options: RunOptions, prepared: Prepared): Promise<RuncOutcome> {
  const stdio = runeletStdio(options, prepared.descriptors);
  const flags = [
    ...createFlags(options, prepared.paths.bundle, stdio.length - 3),
    ...(options.keep ? ["--keep"] : []),
    ...(options.noSubreaper ? ["--no-subreaper"] : []),
  ];
  try {
    return await runRunc(engine.runc, {
      args: ["run", ...flags, options.id],
      stdio,
      started: () => prepared.release(),
    });
  } finally {
    prepared.release();
  }
}

/** A signal for which there is no process yet, or that the manifest holds back, is lost, as it would be in the enclave. */
function forward({ paths }: Prepared, signal: number): void {
  const request = { op: "kill", signal, all: false } as const;
  requestControl(paths.control, request, { timeoutMs: FORWARD_DEADLINE_MS }).catch(() => undefined);
}
