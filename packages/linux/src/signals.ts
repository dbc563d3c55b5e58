import { constants } from "node:os";
import { InclavareError } from "@inclavare/errors";
import { libcFunction } from "./native.ts";

const SIGNALS: Readonly<Record<string, number>> = constants.signals;
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SIGNALS)
    // The name that Linux itself gives; the others are synonyms (SIGIOT, SIGPOLL, SIGUNUSED).
    .filter(([name]) => !["SIGIOT", "SIGPOLL", "SIGUNUSED"].includes(name))
    .map(([name, number]) => [number, name]),
);
/** glibc keeps 32 and 33 for its threads, so the first real-time signal that programs see is 34. */
const REAL_TIME = { least: 34, most: 64 } as const;
const SIG_IGN = 1;
/** Raised by a fault of the process itself: ignoring them would turn a crash into a loop. */
const FAULTS = new Set(
  ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS", "SIGABRT"].map((name) => SIGNALS[name]),
);
const UNCATCHABLE = new Set([SIGNALS["SIGKILL"], SIGNALS["SIGSTOP"]]);

/** Every signal that a process may catch and that is not the report of a fault of its own. */
export const ALL_CATCHABLE_SIGNALS: readonly number[] = Array.from({ length: 64 }, (_, index) => index + 1).filter(
  (signal) => !UNCATCHABLE.has(signal) && !FAULTS.has(signal) && signal !== 32 && signal !== 33,
);

/** Reads `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `SIGRTMAX-1`, in any case. @throws ERR_SIGNAL_UNKNOWN */
export function signalNumber(text: string): number {
  const word = text.trim().toUpperCase().replace(/^SIG/u, "");
  const number = /^\d+$/u.test(word) ? Number(word) : (SIGNALS[`SIG${word}`] ?? realTime(word));
  if (number === undefined || number < 1 || number > REAL_TIME.most) {
    throw new InclavareError("ERR_SIGNAL_UNKNOWN", `"${text}" is not a signal`);
  }
  return number;
}

function realTime(word: string): number | undefined {
  const match = /^RT(MIN|MAX)(?:([+-])(\d+))?$/u.exec(word);
  if (match === null) return undefined;
  const offset = Number(match[3] ?? 0) * (match[2] === "-" ? -1 : 1);
  const number = (match[1] === "MIN" ? REAL_TIME.least : REAL_TIME.most) + offset;
  return number >= REAL_TIME.least && number <= REAL_TIME.most ? number : undefined;
}

/** The name with its `SIG`; real-time signals as `SIGRTMIN+3`. */
export function signalName(signal: number): string {
  const name = NAMES.get(signal);
  if (name !== undefined) return name;
  if (signal >= REAL_TIME.least && signal <= REAL_TIME.most) return `SIGRTMIN+${signal - REAL_TIME.least}`;
  return `SIG${signal}`;
}

/** Sets each to SIG_IGN. A later `process.on` for one of them takes it over again. */
export function ignoreSignals(signals: readonly number[]): void {
  const signal = libcFunction("intptr_t signal(int number, intptr_t handler)");
  // A signal that the kernel or libc keeps to itself answers SIG_ERR; nobody can send it to us to any effect.
  for (const number of signals) signal(number, SIG_IGN);
}
