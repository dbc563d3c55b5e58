import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { closeQuietly, createPipe, setNonBlocking } from "@inclavare/linux";
import type { ProcessStdio } from "../enclave-runtime.ts";
import { expect } from "./finding.ts";

/** More than a check makes a process write, so that no process waits for a reader. */
const CAPACITY_BYTES = 256 << 10;

/** The standard streams of one process under check: pipes, of which the kit holds the other ends. */
export class Streams implements Disposable {
  /** What is lent to the runtime. */
  readonly stdio: ProcessStdio;
  readonly #output: number;
  readonly #errors: number;
  readonly #input: number | undefined;
  #isClosed = false;
  readonly #lent: readonly (readonly [descriptor: number, inode: number])[];

  /** @param input the whole of the standard input; undefined: it stays open and empty */
  constructor(input: Uint8Array | undefined) {
    const [stdin, stdout, stderr] = [
      createPipe(CAPACITY_BYTES),
      createPipe(CAPACITY_BYTES),
      createPipe(CAPACITY_BYTES),
    ];
    this.stdio = { stdin: stdin.readEnd, stdout: stdout.writeEnd, stderr: stderr.writeEnd };
    [this.#output, this.#errors] = [stdout.readEnd, stderr.readEnd];
    for (const end of [this.#output, this.#errors]) setNonBlocking(end, true);
    this.#lent = Object.values(this.stdio).map((descriptor: number) => [descriptor, fstatSync(descriptor).ino]);
    if (input === undefined) {
      this.#input = stdin.writeEnd;
    } else {
      if (input.length > 0) writeSync(stdin.writeEnd, input);
      closeSync(stdin.writeEnd);
    }
  }

  /** What came since the last call. */
  readOutput(): Buffer {
    return drain(this.#output);
  }

  readErrors(): Buffer {
    return drain(this.#errors);
  }

  /** @throws Finding when a descriptor that was lent has been closed */
  assertOpen(): void {
    for (const [descriptor, inode] of this.#lent) {
      expect(
        inodeOf(descriptor) === inode,
        `descriptor ${descriptor}, which was lent as a standard stream, was closed`,
      );
    }
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const lent = this.#lent.filter(([descriptor, inode]) => inodeOf(descriptor) === inode);
    const own = this.#input === undefined ? [] : [this.#input];
    closeQuietly([this.#output, this.#errors, ...own, ...lent.map(([descriptor]) => descriptor)]);
  }
}

function drain(descriptor: number): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(64 << 10);
    try {
      const length = readSync(descriptor, chunk);
      if (length === 0) break;
      chunks.push(chunk.subarray(0, length));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      break;
    }
  }
  return Buffer.concat(chunks);
}

function inodeOf(descriptor: number): number | undefined {
  try {
    return fstatSync(descriptor).ino;
  } catch {
    return undefined;
  }
}
