import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import {
  acceptUnix,
  duplicateDescriptor,
  listenUnix,
  receiveWithDescriptors,
  setNonBlocking,
  setTerminalSize,
  waitReadable,
} from "@inclavare/linux";
import { Ends } from "./ends.ts";
import { openInputFifo, openOutputFifo } from "./fifo.ts";
import type { ProcessIo, StdioRequest } from "./io.ts";

/** The low-level runtime has sent it before it ended, so it is there. */
const MASTER_MS = 1_000;
const MAX_NAME_BYTES = 4096;

/** A terminal between the process and the client's FIFOs; there is one output only. */
export function createTerminalIo(request: StdioRequest): ProcessIo {
  const folder = mkdtempSync(join(tmpdir(), "rune-pty-"));
  const consoleSocket = join(folder, "pty.sock");
  const ends = new Ends();
  let listener: number | undefined;
  const nothing = openSync("/dev/null", "r+");
  let waits = true;
  const stopWaiting = (): void => {
    if (!waits) return;
    waits = false;
    closeSync(nothing);
    if (listener !== undefined) closeSync(listener);
    rmSync(folder, { recursive: true, force: true });
  };
  const close = (): void => {
    stopWaiting();
    ends.closeAll();
  };
  try {
    listener = listenUnix(consoleSocket, { mode: 0o600 });
    if (request.stdin !== "") openInputFifo(request.stdin, ends);
    if (request.stdout !== "") ends.add("outTarget", openOutputFifo(request.stdout));
    return {
      descriptors: [nothing, nothing, nothing],
      consoleSocket,
      copied: ends.copied,
      start() {
        const master = receiveMaster(listener ?? -1);
        stopWaiting();
        setNonBlocking(ends.add("outSource", master), true);
        if (request.stdin !== "") ends.add("inTarget", duplicateDescriptor(master));
        ends.start();
      },
      closeStdin: () => ends.close("inHolder"),
      resize: (size) => resizeTerminal(ends, size),
      async close() {
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function resizeTerminal(ends: Ends, size: { readonly columns: number; readonly rows: number }): void {
  const master = ends.get("outSource");
  if (master !== undefined) setTerminalSize(master, size);
}

/** One connection with one message: the terminal's name, and with it the master side. */
function receiveMaster(listener: number): number {
  waitReadable(listener, MASTER_MS, "the terminal of the low-level runtime");
  const connection = acceptUnix(listener);
  if (connection === undefined) throw noMaster();
  try {
    waitReadable(connection, MASTER_MS, "the terminal of the low-level runtime");
    const received = receiveWithDescriptors(connection, { maxBytes: MAX_NAME_BYTES, maxDescriptors: 1 });
    const [master] = received?.descriptors ?? [];
    if (master === undefined) throw noMaster();
    return master;
  } finally {
    closeSync(connection);
  }
}

function noMaster(): InclavareError {
  return new InclavareError("ERR_RUNC", "the low-level runtime has sent no terminal");
}
