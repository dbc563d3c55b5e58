import { basename } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { UNWRITTEN } from "./structures.ts";

/** How a library differs from the header. */
export interface Quirks {
  /** How it uses `exit_value`: as the header says, as wait(2) does, or not at all. */
  readonly exitValue: "exit-code" | "wait-status" | "never-written";
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
  { library: "libwamr-pal.so", exitValue: "never-written", signals: new Set() },
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
  if (exitValue === "wait-status" && written >= 0) {
    const signal = written & 0x7f;
    return signal === 0 ? (written >> 8) & 0xff : 128 + signal;
  }
  if (written >= 0 && written <= 255) return written;
  const what = written === UNWRITTEN ? "nothing" : String(written);
  throw new InclavareError(
    "ERR_PAL_EXIT_VALUE",
    `pal_exec of ${basename(libraryPath)} reported ${what} as exit value, expected 0 to 255`,
  );
}
