/** What runs in the enclave of this example: programs in TypeScript, as other runtimes have WebAssembly or a library OS. */
import { read, write } from "node:fs";
import { promisify } from "node:util";
import type { ProcessStdio } from "@inclavare/pal";

/** What a program is given. */
export interface Invocation {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly stdio: ProcessStdio;
  /** Is aborted when the process is sent a signal. */
  readonly signal: AbortSignal;
}

/** Resolves with the exit code. */
export type Program = (invocation: Invocation) => Promise<number>;

const readSome = promisify(read);
const writeSome = promisify(write);

async function print(descriptor: number, bytes: Uint8Array | string): Promise<void> {
  for (let rest = Buffer.from(bytes); rest.length > 0;) {
    const { bytesWritten } = await writeSome(descriptor, rest);
    rest = rest.subarray(bytesWritten);
  }
}

async function printLines(descriptor: number, lines: readonly string[]): Promise<number> {
  await print(descriptor, lines.map((line) => `${line}\n`).join(""));
  return 0;
}

/** By the path of each: the file system of the enclave. */
export const PROGRAMS: ReadonlyMap<string, Program> = new Map<string, Program>([
  ["/bin/exit", async ({ args: [code = "0"] }) => Number.parseInt(code, 10) & 0xff],
  [
    "/bin/arguments",
    async ({ args, stdio }) =>
      await printLines(
        stdio.stdout,
        args.map((text) => `<${text}>`),
      ),
  ],
  ["/bin/environment", async ({ env, stdio }) => await printLines(stdio.stdout, env)],
  ["/bin/complain", async ({ args, stdio }) => await printLines(stdio.stderr, args)],
  ["/bin/cat", async ({ stdio }) => await copy(stdio)],
  ["/bin/wait", async ({ stdio, signal }) => await waitForSignal(stdio, signal)],
]);

async function copy({ stdin, stdout }: ProcessStdio): Promise<number> {
  const buffer = Buffer.alloc(4096);
  for (;;) {
    const { bytesRead } = await readSome(stdin, buffer, 0, buffer.length, null);
    if (bytesRead === 0) return 0;
    await print(stdout, buffer.subarray(0, bytesRead));
  }
}

/** Its exit code does not matter: the signal that ends it does. */
async function waitForSignal({ stdout }: ProcessStdio, signal: AbortSignal): Promise<number> {
  await print(stdout, "waiting\n");
  const { promise, resolve } = Promise.withResolvers<number>();
  signal.addEventListener("abort", () => resolve(0), { once: true });
  return await promise;
}
