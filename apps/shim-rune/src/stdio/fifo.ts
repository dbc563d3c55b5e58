import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { STATUS, TtrpcError } from "@inclavare/ttrpc";

const { O_RDWR, O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

/**
 * Opens a FIFO for writing, and for reading as well: so the writer neither waits for a reader nor loses it when a client
 * goes away, and the next client reads on.
 */
export function openOutputFifo(path: string): Socket {
  return socketOf(openFifo(path, O_RDWR), "write");
}

/** A FIFO to read from, and the writer that keeps it from ending with its first client. */
export interface InputFifo {
  readonly stream: Socket;
  /** Lets it end when the last client has closed it. */
  release(): void;
}

export function openInputFifo(path: string): InputFifo {
  const reader = openFifo(path, O_RDONLY);
  let holder: number | undefined;
  try {
    holder = openFifo(path, O_WRONLY);
    return {
      stream: socketOf(reader, "read"),
      release() {
        if (holder !== undefined) closeSync(holder);
        holder = undefined;
      },
    };
  } catch (error) {
    closeSync(reader);
    if (holder !== undefined) closeSync(holder);
    throw error;
  }
}

/** A stream of one end of a pipe, which it closes in the end. It makes the end non-blocking, for all who share it. */
export function socketOf(descriptor: number, use: "read" | "write"): Socket {
  return new Socket({ fd: descriptor, readable: use === "read", writable: use === "write" });
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
