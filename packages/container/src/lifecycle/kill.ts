import { InclavareError, isInclavareError } from "@inclavare/errors";
import { signalNumber } from "@inclavare/linux";
import { requestControl, sendControl } from "../control-client.ts";
import { mustRunc } from "../runc.ts";
import { type Engine, pathsOf, SHORT_MS } from "./engine.ts";
import { runcStatus } from "./state.ts";

/** Longer than a PAL library has for `pal_kill`: what it was that hung is init-runelet's to say. */
const CONTROL_DEADLINE_MS = 15_000;
const SIGKILL = 9;

export interface KillOptions {
  /** 0 only asks whether the container is there. */
  readonly signal: number;
  /** Every process of the container; a stopped one then counts as success. */
  readonly all: boolean;
}

/**
 * Reads a signal's name, with or without SIG, or number; 0 is for asking, nothing is SIGTERM.
 * @throws ERR_SIGNAL_UNKNOWN in runc's words
 */
export function parseSignal(text: string): number {
  if (text === "0") return 0;
  try {
    return signalNumber(text === "" ? "TERM" : text);
  } catch {
    throw new InclavareError("ERR_SIGNAL_UNKNOWN", `unknown signal "${text}"`);
  }
}

/**
 * Signals the application. SIGKILL goes to init-runelet itself, from outside; every other signal goes through it, and the
 * enclave manifest says which arrive.
 * @throws ERR_CONTAINER_STATE ("container not running"), ERR_SIGNAL_FORBIDDEN, ERR_CONTAINER_NOT_FOUND
 */
export async function killContainer(engine: Engine, id: string, { signal, all }: KillOptions): Promise<void> {
  const paths = pathsOf(engine, id);
  if (signal === SIGKILL || signal === 0) {
    const args = ["kill", ...(all ? ["--all"] : []), id, String(signal)];
    await mustRunc(engine.runc, { args, deadlineMs: SHORT_MS });
    return;
  }
  const notRunning = new InclavareError("ERR_CONTAINER_STATE", "container not running");
  const request = { op: "kill", signal, all } as const;
  const status = await runcStatus(engine, id);
  if (status === "stopped" && !all) throw notRunning;
  if (status === "stopped") return;
  // A frozen init-runelet reads it when it goes on, as the kernel keeps a signal for a frozen process.
  if (status === "paused") return sendControl(paths.control, request);
  try {
    await requestControl(paths.control, request, { timeoutMs: CONTROL_DEADLINE_MS });
  } catch (error) {
    if (!isInclavareError(error, "ERR_RUNELET_ENDED")) throw error;
    if (!all) throw notRunning;
  }
}
