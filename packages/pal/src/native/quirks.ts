import { basename } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { UNWRITTEN } from "./structures.ts";

/** How a library uses `exit_value`: as the header says, as wait(2) does, or not at all. */
type ExitValueUse = "exit-code" | "wait-status" | "never-written";

/** Libraries that differ from the header, by the beginning of their file name. */
const QUIRKS: readonly { readonly library: string; readonly exitValue: ExitValueUse }[] = [
  // Occlum: exit code shifted left by 8, or a signal number.
  { library: "libocclum-pal.so", exitValue: "wait-status" },
  // WAMR: pal_create_process runs the program, pal_exec does nothing.
  { library: "libwamr-pal.so", exitValue: "never-written" },
];

/**
 * The status of a process from what a library wrote: 0 to 255, or 128 + signal.
 * @throws ERR_PAL_EXIT_VALUE for anything else, or where nothing was written
 */
export function exitStatus(libraryPath: string, written: number): number {
  const name = basename(libraryPath);
  const use = QUIRKS.find(({ library }) => name.startsWith(library))?.exitValue ?? "exit-code";
  if (use === "never-written" && written === UNWRITTEN) return 0;
  if (use === "wait-status" && written >= 0) {
    const signal = written & 0x7f;
    return signal === 0 ? (written >> 8) & 0xff : 128 + signal;
  }
  if (written >= 0 && written <= 255) return written;
  const what = written === UNWRITTEN ? "nothing" : String(written);
  throw new InclavareError(
    "ERR_PAL_EXIT_VALUE",
    `pal_exec of ${name} reported ${what} as exit value, expected 0 to 255`,
  );
}
