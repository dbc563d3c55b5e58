import { Worker } from "node:worker_threads";
import { InclavareError } from "@inclavare/errors";
import type { GuestMessage, HostMessage } from "./protocol.ts";

/** For a worker to load its code. */
const BOOT_TIMEOUT_MS = 30_000;
/** Of the worker's JavaScript heap: the file system's inodes, and the guest's tables and references. */
export const HEAP_MEBIBYTES = 256;
/** As the main thread of a Linux program commonly has. */
const STACK_MEBIBYTES = 8;

/**
 * A thread for one guest process, which does not know its process yet. Starting a thread and loading its code takes longer
 * than all the rest of making a process, so one can be started ahead.
 */
export class GuestWorker {
  readonly thread: Worker;
  /** Rejects with ERR_WASM_GUEST. */
  readonly booted: Promise<void>;

  /** @throws ERR_WASM_GUEST */
  constructor(guestScript: URL = defaultGuestScript()) {
    this.thread = startThread(guestScript);
    this.booted = expectMessage(this.thread, "booted");
    this.booted.catch(() => undefined); // told to whoever waits for it
    this.thread.on("error", () => undefined); // told by `booted`, or by the process that it became
  }

  /** Sends what the next step needs and waits until it is done. @throws ERR_WASM_GUEST */
  async prepare(message: HostMessage & { type: "prepare" }): Promise<void> {
    await this.booted;
    const ready = expectMessage(this.thread, "ready");
    this.post(message);
    await ready;
  }

  post(message: HostMessage): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port, no window
    this.thread.postMessage(message);
  }

  terminate(): void {
    // Never rejects for a worker that has ended; what it resolves with is told by the exit event as well.
    void this.thread.terminate();
  }
}

function startThread(guestScript: URL): Worker {
  try {
    return new Worker(guestScript, {
      name: "guest",
      // Nothing of this process's environment, arguments or streams.
      env: {},
      argv: [],
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      trackUnmanagedFds: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES, stackSizeMb: STACK_MEBIBYTES },
    });
  } catch (cause) {
    throw new InclavareError("ERR_WASM_GUEST", "no worker could be made for a guest", { cause });
  }
}

async function expectMessage(thread: Worker, type: GuestMessage["type"]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const fail = (reason: string, cause?: unknown): void => {
    reject(new InclavareError("ERR_WASM_GUEST", `the worker of a guest ${reason}`, { cause }));
  };
  const timer = setTimeout(() => fail(`was not ${type} within ${BOOT_TIMEOUT_MS} ms`), BOOT_TIMEOUT_MS);
  const onMessage = (message: GuestMessage): void => {
    if (message.type === type) resolve(undefined);
  };
  const onError = (error: unknown): void => fail("failed", error);
  const onExit = (): void => fail(`ended before it was ${type}`);
  thread.on("message", onMessage).on("error", onError).on("exit", onExit);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    thread.off("message", onMessage).off("error", onError).off("exit", onExit);
  }
}

/** Workers are started from a file: the bundle's, or the source's. */
function defaultGuestScript(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "guest.ts" : "guest.mjs", import.meta.url);
}
