import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReadStream } from "node:tty";
import { InclavareError } from "@inclavare/errors";
import { acceptUnix, listenUnix, receiveWithDescriptors, setTerminalSize, waitReadable } from "@inclavare/linux";
import type { Socket } from "node:net";
import type { ProcessIo, StdioRequest } from "./io.ts";
import { type InputFifo, openInputFifo, openOutputFifo } from "./fifo.ts";
import { copyKeys, copyOutput } from "./streams.ts";

/** The low-level runtime has sent it before it ended, so it is there. */
const MASTER_MS = 1_000;
const MAX_NAME_BYTES = 4096;

/** A terminal between the process and the client's FIFOs; there is one output only. */
export function createTerminalIo(request: StdioRequest): ProcessIo {
  const folder = mkdtempSync(join(tmpdir(), "rune-pty-"));
  const consoleSocket = join(folder, "pty.sock");
  const copied = Promise.withResolvers<void>();
  const streams: Socket[] = [];
  let listener: number | undefined;
  let input: InputFifo | undefined;
  let terminal: { readonly descriptor: number; readonly stream: ReadStream } | undefined;
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
    input?.release();
    for (const stream of streams) stream.destroy();
    copied.resolve();
  };
  const own = <T extends Socket>(stream: T): T => {
    stream.on("error", () => undefined);
    streams.push(stream);
    return stream;
  };
  try {
    listener = listenUnix(consoleSocket, { mode: 0o600 });
    if (request.stdin !== "") {
      input = openInputFifo(request.stdin);
      own(input.stream);
    }
    const output = request.stdout === "" ? undefined : own(openOutputFifo(request.stdout));
    return {
      descriptors: [nothing, nothing, nothing],
      consoleSocket,
      copied: copied.promise,
      start() {
        const descriptor = receiveMaster(listener ?? -1);
        stopWaiting();
        const stream = own(new ReadStream(descriptor));
        stream.on("close", () => (terminal = undefined));
        terminal = { descriptor, stream };
        if (input !== undefined) copyKeys(input, stream);
        if (output !== undefined) void copyOutput(stream, output).then(() => copied.resolve());
        else stream.resume().on("close", () => copied.resolve());
      },
      closeStdin: () => input?.release(),
      resize: (size) => (terminal === undefined ? undefined : setTerminalSize(terminal.descriptor, size)),
      async close() {
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
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
