import { createLoggerIo } from "./logger.ts";
import { createPipeIo } from "./pipes.ts";
import { createFileIo } from "./file.ts";
import { createTerminalIo } from "./terminal.ts";
import { unknownScheme } from "./errors.ts";
import type { Stdio } from "../runtime/runtime.ts";

/** Where a process's input comes from and its output goes to, as containerd asks for it; empty: nowhere. */
export interface StdioRequest {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

export interface IoContext {
  /** Of whom the process is, who may open its `/dev/stdout` anew. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly containerId: string;
  readonly namespace: string;
}

/**
 * The input and output of one process. Between it and the world outside stands this process, so that neither notices when
 * the other goes away; nothing in here ever blocks, and whoever does not read holds up only its own stream.
 */
export interface ProcessIo {
  /** What the process gets as its descriptors 0, 1 and 2; with a terminal: null devices, which nobody uses. */
  readonly descriptors: Stdio;
  /** Where the terminal's master side is expected. */
  readonly consoleSocket: string | undefined;
  /** Begins copying; called once when the process has been made and holds its ends. */
  start(): void;
  /** No more input will come: the process reads the end once what is there is read. Also before {@link start}. */
  closeStdin(): void;
  /** Does nothing without a terminal. */
  resize(size: { readonly columns: number; readonly rows: number }): void;
  /** Resolves when all output has been handed on. */
  readonly copied: Promise<void>;
  /** Lets go of everything; what is not handed on by then is lost. */
  close(): Promise<void>;
}

/** Opens everything that does not need the process. Whatever fails, nothing stays open. @throws TtrpcError, ERR_LINUX_CALL */
export async function openIo(request: StdioRequest, context: IoContext): Promise<ProcessIo> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(request.stdout)?.[1];
  switch (scheme) {
    case undefined:
    case "fifo":
      return request.terminal
        ? createTerminalIo(withoutScheme(request))
        : createPipeIo(withoutScheme(request), context);
    case "file":
      return createFileIo(request, context);
    case "binary":
      return await createLoggerIo(request, context);
    default:
      throw unknownScheme(scheme);
  }
}

function withoutScheme(request: StdioRequest): StdioRequest {
  const path = (text: string): string => text.replace(/^fifo:\/\//u, "");
  return { ...request, stdin: path(request.stdin), stdout: path(request.stdout), stderr: path(request.stderr) };
}
