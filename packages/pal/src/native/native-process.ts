import type { ProcessRequest } from "../enclave-runtime.ts";
import type { Arena } from "./arena.ts";
import type { Invoker } from "./invoke.ts";
import { createProcessArguments, execArguments, execArgumentsV1 } from "./structures.ts";

/** A process that was made, and does not run yet. */
export interface NativeProcess {
  /** Runs it to its end, and gives what the library wrote as exit value. */
  readonly run: () => Promise<number>;
  isRunning: boolean;
}

/** Version 1 makes a process when it runs it. It knows no environment. */
export function unmadeProcess(invoker: Invoker, arena: Arena, request: ProcessRequest): NativeProcess {
  const { words, exitValue } = execArgumentsV1(arena, request);
  return {
    isRunning: false,
    async run() {
      await invoker.invoke("pal_exec", { arena, words });
      return exitValue.bytes.readInt32LE(0);
    },
  };
}

/** From version 2 on, `pal_exec` is told the number that `pal_create_process` gave. */
export function madeProcess(invoker: Invoker, arena: Arena, number: number): NativeProcess {
  const { arguments: structure, exitValue } = execArguments(arena, number);
  return {
    isRunning: false,
    async run() {
      await invoker.invoke("pal_exec", { arena, words: [structure.address] });
      return exitValue.bytes.readInt32LE(0);
    },
  };
}

/** Has the library make a process. @returns its number, and whatever else the library wrote there */
export async function makeProcess(invoker: Invoker, arena: Arena, request: ProcessRequest): Promise<number> {
  const { arguments: structure, pid } = createProcessArguments(arena, request);
  await invoker.invoke("pal_create_process", { arena, words: [structure.address] });
  return pid.bytes.readInt32LE(0);
}

/** Where making a process is running it, both are done when it is to run. */
export function deferredProcess(invoker: Invoker, arena: Arena, request: ProcessRequest): NativeProcess {
  return {
    isRunning: false,
    run: async () => await madeProcess(invoker, arena, await makeProcess(invoker, arena, request)).run(),
  };
}
