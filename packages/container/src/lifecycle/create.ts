import { rmSync } from "node:fs";
import { resolve } from "node:path";
import type { ContainerRecord } from "../record.ts";
import { mustRunc } from "../runc.ts";
import { initialise } from "./bring-up.ts";
import { discard } from "./discard.ts";
import { type Engine, LONG_MS } from "./engine.ts";
import { type Asked, type CreateOptions, prepareContainer } from "./prepare.ts";

/**
 * Creates an enclave container: returns when its enclave is initialised. Whatever fails, nothing stays behind, and the
 * error is the reason that whoever failed gave.
 *
 * The container's init becomes a child of the nearest subreaper above this process.
 */
export async function createContainer(engine: Engine, options: CreateOptions, asked: Asked): Promise<ContainerRecord> {
  const prepared = await prepareContainer(engine, options, asked);
  const { id } = options;
  try {
    try {
      const stdio = runeletStdio(options, prepared.descriptors);
      const args = ["create", ...createFlags(options, prepared.paths.bundle, stdio.length - 3), id];
      await mustRunc(engine.runc, { args, stdio, deadlineMs: LONG_MS });
    } finally {
      prepared.release();
    }
    await mustRunc(engine.runc, { args: ["start", id], deadlineMs: LONG_MS });
    return await initialise(prepared);
  } catch (error) {
    await discard(engine, prepared);
    if (options.pidFile !== undefined) rmSync(options.pidFile, { force: true });
    throw error;
  }
}

/** What runc inherits: the container's stdio, the caller's descriptors from 3 on, ours behind them. */
export function runeletStdio(options: CreateOptions, descriptors: readonly number[]): readonly number[] {
  const preserved = Array.from({ length: options.preservedDescriptors }, (_, index) => 3 + index);
  return [...(options.stdio ?? [0, 1, 2]), ...preserved, ...descriptors];
}

/** runc's flags for making the container, with the derived bundle and our descriptors beside the caller's. */
export function createFlags(options: CreateOptions, bundle: string, descriptors: number): string[] {
  const { pidFile, consoleSocket, pidfdSocket } = options;
  return [
    "--bundle",
    bundle,
    "--preserve-fds",
    String(descriptors),
    ...(pidFile === undefined ? [] : ["--pid-file", resolve(pidFile)]),
    ...(consoleSocket === undefined ? [] : ["--console-socket", resolve(consoleSocket)]),
    ...(pidfdSocket === undefined ? [] : ["--pidfd-socket", resolve(pidfdSocket)]),
    ...(options.noPivot ? ["--no-pivot"] : []),
    ...(options.noNewKeyring ? ["--no-new-keyring"] : []),
  ];
}
