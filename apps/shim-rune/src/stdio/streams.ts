import { finished } from "node:stream/promises";
import type { Duplex, Readable, Writable } from "node:stream";
import type { InputFifo } from "./fifo.ts";

/**
 * Copies until the source ends, then ends the target; back-pressure holds the source. Never fails: a source in error has
 * ended (a terminal ends with EIO), a target in error takes nothing more.
 * @returns when the target has taken everything, or cannot
 */
export async function copyOutput(source: Readable, target: Writable): Promise<void> {
  source.on("error", () => undefined);
  target.on("error", () => source.destroy());
  source.on("close", () => target.end());
  source.pipe(target);
  await finished(target, { readable: false }).catch(() => undefined);
  target.destroy();
}

/** Feeds a process from a FIFO; each side's end is the other's. */
export function copyInput({ stream }: InputFifo, target: Writable): void {
  stream.on("error", () => undefined);
  target.on("error", () => stream.destroy());
  // Of a pipe, only closing it is its end.
  target.on("finish", () => target.destroy());
  stream.on("close", () => target.end());
  stream.pipe(target);
}

/** Feeds a terminal, which input's end does not close: it is one stream with the output. */
export function copyKeys({ stream }: InputFifo, terminal: Duplex): void {
  stream.on("error", () => undefined);
  stream.pipe(terminal, { end: false });
}
