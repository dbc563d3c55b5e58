/** An enclave for tests: a runtime over an image made of a few files. */
import { closeSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { type AppImage, type AppImageInput, buildAppImage, decodeAppImage } from "@inclavare/enclave-image";
import { loadNative } from "@inclavare/linux";
import type { EnclaveRuntime, ProcessRequest, ProcessStdio } from "@inclavare/pal";
import { createWasmRuntime, type ProcessEnd, type WasmRuntimeOptions } from "../src/index.ts";

const O_CLOEXEC = 0o2000000;

/** Every enclave of one test file has the same: V8 knows one limit for the whole process. */
export const MAX_MEMORY_BYTES = 64 * 65536;

/** What a test puts into its image: contents of files, targets of links, directories; parents come by themselves. */
export type ImageFiles = Readonly<Record<string, Uint8Array | { readonly target: string } | "directory">>;

export async function imageOf(files: ImageFiles): Promise<AppImage> {
  const inputs = new Map<string, AppImageInput>();
  const add = (path: string, content: ImageFiles[string]): void => {
    const base = { path, mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 1_700_000_000, sizeBytes: 0 };
    const nothing = { read: async () => new Uint8Array(0) };
    if (content === "directory") inputs.set(path, { ...base, ...nothing, type: "directory" });
    else if (content instanceof Uint8Array) {
      inputs.set(path, { ...base, type: "file", sizeBytes: content.length, read: async () => content });
    } else inputs.set(path, { ...base, ...nothing, type: "symlink", target: content.target });
  };
  add("/", "directory");
  for (const [path, content] of Object.entries(files)) {
    for (let parent = dirname(path); !inputs.has(parent); parent = dirname(parent)) add(parent, "directory");
    add(path, content);
  }
  return decodeAppImage(await buildAppImage(inputs.values()));
}

export interface TestEnclave extends AsyncDisposable {
  readonly runtime: EnclaveRuntime;
  readonly ends: ProcessEnd[];
  /** /dev/null for each. */
  readonly stdio: ProcessStdio;
  /** Makes a process with /dev/null as each stream that is not given. */
  create(path: string, request?: Partial<ProcessRequest>): Promise<number>;
  /** Makes and runs one. */
  run(path: string, request?: Partial<ProcessRequest>): Promise<number>;
}

export async function createEnclave(
  files: ImageFiles,
  options: Partial<WasmRuntimeOptions> = {},
): Promise<TestEnclave> {
  const ends: ProcessEnd[] = [];
  const nothing = openSync("/dev/null", "r+");
  const runtime = createWasmRuntime({
    appImage: await imageOf(files),
    files: () => new Map(),
    memoryMounts: ["/tmp"],
    maxMemoryBytes: MAX_MEMORY_BYTES,
    maxProcesses: 8,
    onProcessEnd: (end) => ends.push(end),
    ...options,
  });
  await runtime.init({ args: "", logLevel: "info" });
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  const create: TestEnclave["create"] = async (path, request = {}) =>
    await runtime.createProcess({ path, argv: [path], env: [], stdio, ...request });
  return {
    runtime,
    ends,
    stdio,
    create,
    run: async (path, request) => await runtime.exec(await create(path, request)),
    async [Symbol.asyncDispose]() {
      await runtime.destroy();
      closeSync(nothing);
    },
  };
}

export interface DescriptorPair extends Disposable {
  readonly read: number;
  readonly write: number;
  /** Closes one end now. Its number may be another's afterwards, so it is closed only once. */
  close(end: "read" | "write"): void;
}

/** Calls a function of libc that fills in two descriptors. */
function pair(declaration: string, callArguments: (ends: Buffer) => readonly unknown[]): DescriptorPair {
  const ends = Buffer.alloc(8);
  const result = Number(loadNative().load("libc.so.6").func(declaration)(...callArguments(ends)));
  if (result !== 0) throw new Error(`${declaration}: ${result}`);
  const [read, write] = [ends.readInt32LE(0), ends.readInt32LE(4)];
  const open = { read, write };
  const left = new Set<"read" | "write">(["read", "write"]);
  const close = (end: "read" | "write"): void => {
    if (left.delete(end)) closeSync(open[end]);
  };
  return {
    ...open,
    close,
    [Symbol.dispose]() {
      close("read");
      close("write");
    },
  };
}

/** Both ends of a pipe, blocking as a container's are. */
export function createPipe(): DescriptorPair {
  return pair("int pipe2(void *ends, int flags)", (ends) => [ends, O_CLOEXEC]);
}

/** Two connected sockets: these cannot be opened a second time, as a pipe can. */
export function createSocketPair(): DescriptorPair {
  const [AF_UNIX, SOCK_STREAM] = [1, 1];
  const declaration = "int socketpair(int domain, int type, int protocol, void *ends)";
  return pair(declaration, (ends) => [AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, ends]);
}

/** A terminal: `read` is the side of whoever sits before it, `write` that of the program. */
export function createTerminal(): DescriptorPair {
  const declaration = "int openpty(void *controller, void *terminal, void *name, void *modes, void *size)";
  return pair(declaration, (ends) => [ends.subarray(0, 4), ends.subarray(4), null, null, null]);
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
