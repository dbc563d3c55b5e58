import { basename } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { UNWRITTEN } from "./structures.ts";

/** How a library differs from the header. */
export interface Quirks {
  /** How it uses `exit_value`: as the header says, as wait(2) does, or not at all. */
  readonly exitValue: "exit-code" | "wait-status" | "never-written";
  /** pal_create_process runs the process to its end: it is called when the process is to run, and may take as long. */
  readonly createRuns?: true;
  /** The signals that its pal_kill takes; undefined: all. Others would only make it complain. */
  readonly signals?: ReadonlySet<number>;
}

const NONE: Quirks = { exitValue: "exit-code" };
const [SIGKILL, SIGTERM] = [9, 15];

/** By the beginning of the library's file name. */
const QUIRKS: readonly (Quirks & { readonly library: string })[] = [
  // Occlum: exit code shifted left by 8, or a signal number; EPERM for all other signals.
  { library: "libocclum-pal.so", exitValue: "wait-status", signals: new Set([SIGKILL, SIGTERM]) },
  // WAMR: pal_create_process runs the program, pal_exec and pal_kill do nothing.
  { library: "libwamr-pal.so", exitValue: "never-written", createRuns: true, signals: new Set() },
];

export function quirksOf(libraryPath: string): Quirks {
  const name = basename(libraryPath);
  return QUIRKS.find(({ library }) => name.startsWith(library)) ?? NONE;
}

/**
 * The status of a process from what a library wrote: 0 to 255, or 128 + signal.
 * @throws ERR_PAL_EXIT_VALUE for anything else, or where nothing was written
 */
export function exitStatus(libraryPath: string, written: number): number {
  const { exitValue } = quirksOf(libraryPath);
  if (exitValue === "never-written" && written === UNWRITTEN) return 0;
  const status = exitValue === "wait-status" ? fromWaitStatus(written) : written;
  if (status >= 0 && status <= 255) return status;
  const what = written === UNWRITTEN ? "nothing" : String(written);
  const expected = exitValue === "wait-status" ? "a status of wait(2)" : "0 to 255";
  throw new InclavareError(
    "ERR_PAL_EXIT_VALUE",
    `pal_exec of ${basename(libraryPath)} reported ${what} as exit value, expected ${expected}`,
  );
}

/** @returns -1 for what is no status of a process that has ended */
function fromWaitStatus(written: number): number {
  const [code, signal] = [written >> 8, written & 0x7f];
  if (written < 0 || code > 255 || signal === 0x7f) return -1;
  return signal === 0 ? code : 128 + signal;
}
