import { InclavareError, isInclavareError } from "@inclavare/errors";
import { signalNumber } from "@inclavare/linux";
import { requestControl } from "../control-client.ts";
import { mustRunc } from "../runc.ts";
import { type Engine, pathsOf, SHORT_MS } from "./engine.ts";

const CONTROL_DEADLINE_MS = 10_000;
const SIGKILL = 9;

export interface KillOptions {
  /** 0 only asks whether the container is there. */
  readonly signal: number;
  /** Every process of the container; a stopped one then counts as success. */
  readonly all: boolean;
}

/** Reads a signal's name, with or without SIG, or number; 0 is for asking. @throws ERR_SIGNAL_UNKNOWN in runc's words */
export function parseSignal(text: string): number {
  if (text === "0") return 0;
  try {
    return signalNumber(text);
  } catch (cause) {
    throw new InclavareError("ERR_SIGNAL_UNKNOWN", `unknown signal "${text}"`, { cause });
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
  try {
    await requestControl(paths.control, { op: "kill", signal, all }, { timeoutMs: CONTROL_DEADLINE_MS });
  } catch (error) {
    if (!isInclavareError(error, "ERR_RUNELET_ENDED")) throw error;
    // Tells "does not exist" from "has stopped", in runc's words.
    await mustRunc(engine.runc, { args: ["state", id], deadlineMs: SHORT_MS });
    if (!all) throw new InclavareError("ERR_CONTAINER_STATE", "container not running", { cause: error });
  }
}
