import { rmSync, writeFileSync } from "node:fs";
import { mustRunc, type RuncCall, type RuncOptions } from "@inclavare/container";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import type { CheckpointSetup, CreateSetup, ExecSetup, Runtime } from "./runtime.ts";

/** Of calls that only look or signal. */
const SHORT_MS = 20_000;
/** Of calls that create and remove: hooks have limits of their own. */
const LONG_MS = 300_000;

/** Plain containers, by the low-level runtime itself. */
export class PlainRuntime implements Runtime {
  readonly #runc: RuncOptions;

  constructor(runc: RuncOptions) {
    this.#runc = runc;
  }

  async create(setup: CreateSetup): Promise<void> {
    const args = ["create", "--bundle", setup.bundle, ...processFlags(setup), ...rootFlags(setup), setup.id];
    await this.#call({ args, stdio: setup.stdio, deadlineMs: LONG_MS });
  }

  async start(id: string): Promise<void> {
    await this.#call({ args: ["start", id], deadlineMs: LONG_MS });
  }

  async exec(setup: ExecSetup): Promise<void> {
    await withFile(setup.processFile, setup.process, async (file) => {
      const args = ["exec", "--process", file, "--detach", ...processFlags(setup), setup.id];
      await this.#call({ args, stdio: setup.stdio, deadlineMs: LONG_MS });
    });
  }

  async kill(id: string, signal: number, all: boolean): Promise<void> {
    await this.#call({ args: ["kill", ...(all ? ["--all"] : []), id, String(signal)], deadlineMs: SHORT_MS });
  }

  async delete(id: string, force: boolean): Promise<void> {
    try {
      await this.#call({ args: ["delete", ...(force ? ["--force"] : []), id], deadlineMs: LONG_MS });
    } catch (error) {
      if (!isInclavareError(error, "ERR_CONTAINER_NOT_FOUND")) throw error;
    }
  }

  async pids(id: string): Promise<readonly number[]> {
    const text = await this.#call({ args: ["ps", "--format", "json", id], deadlineMs: SHORT_MS });
    try {
      const value: unknown = JSON.parse(text);
      if (value === null) return [];
      if (Array.isArray(value) && value.every(Number.isSafeInteger)) return value as number[];
    } catch (cause) {
      throw new InclavareError("ERR_RUNC", "runc's list of processes is not JSON", { cause });
    }
    throw new InclavareError("ERR_RUNC", "runc's list of processes is not a list of numbers");
  }

  async pause(id: string): Promise<void> {
    await this.#call({ args: ["pause", id], deadlineMs: SHORT_MS });
  }

  async resume(id: string): Promise<void> {
    await this.#call({ args: ["resume", id], deadlineMs: SHORT_MS });
  }

  async update(id: string, resources: Uint8Array, file: string): Promise<void> {
    await withFile(file, resources, async () => {
      await this.#call({ args: ["update", "--resources", file, id], deadlineMs: SHORT_MS });
    });
  }

  async checkpoint({ id, imagePath, workPath, flags }: CheckpointSetup): Promise<void> {
    const args = ["checkpoint", "--image-path", imagePath, "--work-path", workPath, ...flags, id];
    await this.#call({ args, deadlineMs: LONG_MS });
  }

  async #call(call: RuncCall): Promise<string> {
    return await mustRunc(this.#runc, call);
  }
}

function processFlags({ pidFile, consoleSocket }: { pidFile: string; consoleSocket: string | undefined }): string[] {
  return ["--pid-file", pidFile, ...(consoleSocket === undefined ? [] : ["--console-socket", consoleSocket])];
}

function rootFlags({ noPivot, noNewKeyring }: CreateSetup): string[] {
  return [...(noPivot ? ["--no-pivot"] : []), ...(noNewKeyring ? ["--no-new-keyring"] : [])];
}

async function withFile(file: string, text: string | Uint8Array, use: (file: string) => Promise<void>): Promise<void> {
  try {
    writeFileSync(file, text, { mode: 0o600 });
    await use(file);
  } finally {
    rmSync(file, { force: true });
  }
}
