/**
 * Runs one `pal_exec`, which blocks for the life of a process: the file that a worker is started with. The call is made
 * on a POSIX thread of its own, because koffi calls on a stack that the thread does not know of, and runtimes that
 * compare the stack pointer with the thread's bounds take that for an overflow; this worker waits for that thread.
 */
import { parentPort, workerData } from "node:worker_threads";
import { loadNative } from "@inclavare/linux";
import { Arena } from "./arena.ts";
import { execArguments } from "./structures.ts";

export interface ExecRequest {
  readonly libraryPath: string;
  readonly pid: number;
}

export interface ExecAnswer {
  /** The function that failed, and with what; nothing when all went well. */
  readonly failure?: { readonly call: string; readonly value: number };
  readonly exitValue: number;
}

const STACK_BYTES = 8 << 20;
/** At least sizeof(pthread_attr_t): 56 bytes on x86-64, 64 on arm64. */
const ATTRIBUTE_BYTES = 128;

function execute({ libraryPath, pid }: ExecRequest): ExecAnswer {
  const native = loadNative();
  const arena = new Arena(native);
  const { arguments: structure, exitValue } = execArguments(arena, pid);
  // The symbols of this process: Node itself is linked with the thread library.
  const libc = native.load(null);
  const start = native.load(libraryPath).symbol("pal_exec") as unknown;
  const thread = arena.allocate(8);
  const attributes = arena.allocate(ATTRIBUTE_BYTES);
  const result = arena.allocate(8);
  const steps: readonly [name: string, declaration: string, ...args: unknown[]][] = [
    ["pthread_attr_init", "int pthread_attr_init(void *attributes)", attributes.bytes],
    [
      "pthread_attr_setstacksize",
      "int pthread_attr_setstacksize(void *attributes, size_t size)",
      attributes.bytes,
      STACK_BYTES,
    ],
    [
      "pthread_create",
      "int pthread_create(void *thread, void *attributes, void *start, void *argument)",
      thread.bytes,
      attributes.bytes,
      start,
      structure.bytes,
    ],
  ];
  for (const [call, declaration, ...args] of steps) {
    const value = Number(libc.func(declaration)(...args));
    if (value !== 0) return { failure: { call, value }, exitValue: 0 };
  }
  const join = libc.func("int pthread_join(ulong thread, void *result)");
  const joined = Number(join(thread.bytes.readBigUInt64LE(0), result.bytes));
  if (joined !== 0) return { failure: { call: "pthread_join", value: joined }, exitValue: 0 };
  // The function returns an int, which is the lower half of what the thread's result is taken from.
  const value = result.bytes.readInt32LE(0);
  const answer = { exitValue: exitValue.bytes.readInt32LE(0) };
  return value === 0 ? answer : { ...answer, failure: { call: "pal_exec", value } };
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port, no window
parentPort?.postMessage(execute(workerData as ExecRequest));
