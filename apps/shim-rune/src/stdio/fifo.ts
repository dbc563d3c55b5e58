import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { STATUS, TtrpcError } from "@inclavare/ttrpc";
import type { Ends } from "./ends.ts";

const { O_RDWR, O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

/**
 * Opens a FIFO for writing, and for reading as well: so the writer neither waits for a reader nor loses it when a client
 * goes away, and the next client reads on.
 */
export function openOutputFifo(path: string): number {
  return openFifo(path, O_RDWR);
}

/** A FIFO to read from, and the writer that keeps it from ending with its first client. */
export function openInputFifo(path: string, ends: Ends): void {
  ends.add("inSource", openFifo(path, O_RDONLY));
  ends.add("inHolder", openFifo(path, O_WRONLY));
}

function openFifo(path: string, mode: number): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, mode | O_NONBLOCK);
  } catch (cause) {
    throw new TtrpcError(STATUS.unknown, `cannot open the FIFO ${path}: ${(cause as Error).message}`, { cause });
  }
  if (fstatSync(descriptor).isFIFO()) return descriptor;
  closeSync(descriptor);
  throw new TtrpcError(STATUS.invalidArgument, `${path} is not a FIFO`);
}
