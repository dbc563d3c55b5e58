import { InclavareError } from "@inclavare/errors";

const HIGHEST = 64;
/** CHLD, CONT, URG, WINCH. */
const HARMLESS = new Set([17, 18, 23, 28]);
/** STOP, TSTP, TTIN, TTOU. */
const STOPPING = new Set([19, 20, 21, 22]);

/**
 * What a signal does to a guest, which has no handlers: the default action of signal(7).
 * @throws ERR_WASM_SIGNAL for what is no signal (0 included), and for those that stop a process: a guest cannot be stopped
 */
export function actionOf(signal: number): "ends" | "nothing" {
  if (!Number.isInteger(signal) || signal < 1 || signal > HIGHEST) {
    throw new InclavareError("ERR_WASM_SIGNAL", `signal is ${signal}, expected 1 to ${HIGHEST}`);
  }
  if (STOPPING.has(signal)) {
    throw new InclavareError(
      "ERR_WASM_SIGNAL",
      `signal ${signal} stops a process, which a WASI process does not support`,
    );
  }
  return HARMLESS.has(signal) ? "nothing" : "ends";
}
