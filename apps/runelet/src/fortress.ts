import {
  ALL_CATCHABLE_SIGNALS,
  ignoreSignals,
  setCloseOnExec,
  setDumpable,
  setProcessName,
  signalNumber,
} from "@inclavare/linux";
import type { Descriptors } from "./arguments.ts";

/**
 * Makes pid 1 deaf and blind to the container before anything else runs: no signal ends it, opens a debugger or changes
 * it, no tracer attaches, and its channels reach no program that it starts. (`--disable-sigusr1` on the command line
 * covers the moments before this; SIGCHLD stays, because orphans are to be reaped.)
 */
export function raiseWalls(descriptors: Descriptors): void {
  const child = signalNumber("CHLD");
  ignoreSignals(ALL_CATCHABLE_SIGNALS.filter((signal) => signal !== child));
  for (const descriptor of Object.values(descriptors)) setCloseOnExec(descriptor, true);
  setDumpable(false);
  setProcessName("init-runelet");
}

/** Keys that a person presses at the container's terminal (interrupt, quit) or its hang-up, given to `deliver`. */
export function listenToTerminal(deliver: (signal: number) => void): void {
  for (const name of ["SIGINT", "SIGQUIT", "SIGHUP"] as const) process.on(name, () => deliver(signalNumber(name)));
}
