import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { createPipe, onProcessEnd, type Pipe } from "@inclavare/linux";
import { STATUS, TtrpcError } from "@inclavare/ttrpc";
import { noTerminal } from "./errors.ts";
import type { IoContext, ProcessIo, StdioRequest } from "./io.ts";
import { createPipeIo } from "./pipes.ts";

const PIPE_BYTES = 64 << 10;
/** As long as containerd's own shim waits for a logger to be ready, and to end. */
const READY_MS = 30_000;
const STOP_MS = 12_000;

/**
 * `binary:///path?key=value`: a program gets the read ends of both outputs as descriptors 3 and 4, and tells on descriptor
 * 5 that it is ready. The process writes to it directly.
 */
export async function createLoggerIo(request: StdioRequest, context: IoContext): Promise<ProcessIo> {
  if (request.terminal) throw noTerminal("binary");
  const input = createPipeIo({ ...request, stdout: "", stderr: "" }, context);
  const open = new Set<number>();
  const close = (descriptors: Iterable<number>): void => {
    for (const descriptor of descriptors) if (open.delete(descriptor)) closeSync(descriptor);
  };
  try {
    const [out, err, ready] = [newPipe(open), newPipe(open), newPipe(open)];
    const { program, args } = parseLogger(request.stdout);
    const child = spawn(program, args, {
      env: { CONTAINER_ID: context.containerId, CONTAINER_NAMESPACE: context.namespace },
      stdio: ["ignore", "ignore", "ignore", out.readEnd, err.readEnd, ready.writeEnd],
    });
    const failed = once(child, "error").then(([error]) => Promise.reject(error as Error));
    failed.catch(() => undefined);
    close([out.readEnd, err.readEnd, ready.writeEnd]);
    open.delete(ready.readEnd); // the stream's from here on
    await Promise.race([readiness(ready.readEnd), failed]);
    return {
      ...input,
      descriptors: [input.descriptors[0], out.writeEnd, err.writeEnd],
      start() {
        close(open);
        input.start();
      },
      async close() {
        close(open);
        await input.close();
        if (child.exitCode === null && child.signalCode === null) await stopLogger(child.pid ?? 0);
      },
    };
  } catch (cause) {
    close(open);
    await input.close();
    throw new TtrpcError(STATUS.unknown, `cannot start the logger ${request.stdout}: ${String(cause)}`, { cause });
  }
}

function newPipe(open: Set<number>): Pipe {
  const pipe = createPipe(PIPE_BYTES);
  open.add(pipe.readEnd).add(pipe.writeEnd);
  return pipe;
}

/** The program, then each key of the query and its first value. */
export function parseLogger(uri: string): { readonly program: string; readonly args: readonly string[] } {
  const { pathname, searchParams } = new URL(uri);
  const args = [...new Set(searchParams.keys())].flatMap((key) => [key, searchParams.get(key) ?? ""]);
  return { program: decodeURIComponent(pathname), args };
}

/** A byte, or the end. */
async function readiness(descriptor: number): Promise<void> {
  const stream = new Socket({ fd: descriptor, readable: true, writable: false });
  const signal = AbortSignal.timeout(READY_MS);
  try {
    await Promise.race([once(stream, "data", { signal }), once(stream, "end", { signal })]);
  } finally {
    stream.destroy();
  }
}

/** Preconditions: the number is still the logger's. */
async function stopLogger(pid: number): Promise<void> {
  const ended = Promise.withResolvers<void>();
  try {
    using _watch = onProcessEnd(pid, ended.resolve);
    process.kill(pid, "SIGTERM");
    const timer = setTimeout(() => process.kill(pid, "SIGKILL"), STOP_MS);
    await ended.promise;
    clearTimeout(timer);
  } catch {
    // it is gone
  }
}
