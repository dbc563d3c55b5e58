/** An enclave for tests: a runtime over an image made of a few files. */
import { closeSync, openSync, readSync } from "node:fs";
import { closeQuietly, loadNative } from "@inclavare/linux";
import type { EnclaveRuntime, ProcessRequest } from "@inclavare/pal";
import { createWasmRuntime, type ProcessEnd, type WasmRuntimeOptions } from "../src/index.ts";

const O_CLOEXEC = 0o2000000;

/** Every enclave of one test file has the same: V8 knows one limit for the whole process. */
export const MAX_MEMORY_BYTES = 64 * 65536;

interface TestImageEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly mtimeSeconds: number;
  readonly bytes?: Uint8Array;
  readonly target?: string;
}

export function imageOf(files: Readonly<Record<string, Uint8Array | { target: string } | "directory">>) {
  const entries = new Map<string, TestImageEntry>();
  for (const [path, content] of Object.entries(files)) {
    const base = { path, mtimeSeconds: 1_700_000_000 };
    if (content === "directory") entries.set(path, { ...base, type: "directory" });
    else if (content instanceof Uint8Array) entries.set(path, { ...base, type: "file", bytes: content });
    else entries.set(path, { ...base, type: "symlink", target: content.target });
  }
  return { entries, read: (entry: TestImageEntry) => entry.bytes ?? new Uint8Array(0) };
}

export interface TestEnclave extends AsyncDisposable {
  readonly runtime: EnclaveRuntime;
  readonly ends: ProcessEnd[];
  /** Makes a process with /dev/null as each stream that is not given. */
  create(path: string, request?: Partial<ProcessRequest>): Promise<number>;
  /** Makes and runs one. */
  run(path: string, request?: Partial<ProcessRequest>): Promise<number>;
}

export async function createEnclave(
  files: Parameters<typeof imageOf>[0],
  options: Partial<WasmRuntimeOptions> = {},
): Promise<TestEnclave> {
  const ends: ProcessEnd[] = [];
  const nothing = openSync("/dev/null", "r+");
  const runtime = createWasmRuntime({
    appImage: imageOf(files),
    files: () => new Map(),
    memoryMounts: ["/tmp"],
    maxMemoryBytes: MAX_MEMORY_BYTES,
    maxProcesses: 8,
    onProcessEnd: (end) => ends.push(end),
    ...(options as object),
  });
  await runtime.init({ args: "", logLevel: "info" });
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  const create: TestEnclave["create"] = async (path, request = {}) =>
    await runtime.createProcess({ path, argv: [path], env: [], stdio, ...request });
  return {
    runtime,
    ends,
    create,
    run: async (path, request) => await runtime.exec(await create(path, request)),
    async [Symbol.asyncDispose]() {
      await runtime.destroy();
      closeSync(nothing);
    },
  };
}

/** Both ends of a pipe, blocking as a container's are. */
export function createPipe(): { readonly read: number; readonly write: number } & Disposable {
  const ends = Buffer.alloc(8);
  const pipe = loadNative().load("libc.so.6").func("int pipe2(void *ends, int flags)") as (
    ...args: unknown[]
  ) => number;
  if (pipe(ends, O_CLOEXEC) !== 0) throw new Error("pipe2 failed");
  const [read, write] = [ends.readInt32LE(0), ends.readInt32LE(4)];
  return {
    read,
    write,
    [Symbol.dispose]() {
      closeQuietly([read, write]);
    },
  };
}

export function readAll(fd: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(65536);
    const count = readSync(fd, chunk);
    if (count === 0) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, count));
  }
}
