import { readSync } from "node:fs";
import { pollDescriptors, splice, watchReadable, watchWritable } from "@inclavare/linux";

const PIECE_BYTES = 64 << 10;
/** Pieces in a row, before others have their turn. */
const PIECES = 16;
/** Between two attempts when both sides seem ready and nothing moves. */
const PAUSE_MS = 5;

/**
 * Moves bytes from one descriptor to another inside the kernel until the source ends (a terminal ends with EIO) or the target takes
 * nothing more. They are in the one or in the other at any moment, so that not even the death of this process loses any. A full
 * target holds the source. Both are non-blocking; one of them is a pipe; neither is closed here.
 * @param to undefined: what comes is thrown away
 */
export function pump(from: number, to: number | undefined, ended: () => void): { stop(): void } {
  let waiting: { close(): void } | undefined;
  let stopped = false;
  const wait = (next: typeof waiting): void => void (waiting = next);
  const turn = (): void => {
    waiting?.close();
    waiting = undefined;
    if (stopped) return;
    let moved: number | undefined = 1;
    for (let piece = 0; piece < PIECES && moved !== undefined && moved > 0; piece++) moved = move(from, to);
    if (moved === 0) return ended();
    const [source, target] = pollDescriptors([{ fd: from, readable: true }, ...targetOf(to)], 0);
    if (target !== undefined && !target.writable && !target.hangup) wait(watchWritable(to ?? -1, turn));
    else if (moved === undefined && source !== undefined && (source.readable || source.hangup)) wait(timer(turn));
    else wait(watchReadable(from, turn));
  };
  wait(watchReadable(from, turn));
  return {
    stop() {
      stopped = true;
      waiting?.close();
      waiting = undefined;
    },
  };
}

/** @returns 0 when no more can be moved */
function move(from: number, to: number | undefined): number | undefined {
  try {
    return to === undefined ? discard(from) : splice(from, to, PIECE_BYTES);
  } catch {
    return 0; // EIO of a terminal, EPIPE of a pipe without a reader
  }
}

function discard(from: number): number | undefined {
  try {
    return readSync(from, Buffer.allocUnsafe(PIECE_BYTES));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

function targetOf(to: number | undefined): { fd: number; writable: true }[] {
  return to === undefined ? [] : [{ fd: to, writable: true }];
}

function timer(callback: () => void): { close(): void } {
  const pending = setTimeout(callback, PAUSE_MS);
  return { close: () => clearTimeout(pending) };
}
