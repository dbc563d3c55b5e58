import { constants } from "node:os";
import { isatty } from "node:tty";

/** What a person or a supervisor sends to a program in the foreground. */
const FORWARDED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGCONT",
  "SIGWINCH",
] as const;

/** Catches the signals that are meant for the process in the foreground, until disposed of. */
export function forwardSignalNames(deliver: (signal: NodeJS.Signals) => void): Disposable {
  const listeners = FORWARDED.filter((name) => !comesFromTerminal(name)).map((name) => {
    const listener = (): void => deliver(name);
    process.on(name, listener);
    return { name, listener };
  });
  return {
    [Symbol.dispose]: () => {
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}

export function forwardSignalNumbers(deliver: (signal: number) => void): Disposable {
  return forwardSignalNames((name) => deliver(constants.signals[name]));
}

/** A terminal sends these to runc as well, which is in the same process group: they would arrive twice. */
function comesFromTerminal(name: NodeJS.Signals): boolean {
  return (name === "SIGINT" || name === "SIGQUIT") && isatty(0);
}
