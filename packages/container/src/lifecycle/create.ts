import { rmSync } from "node:fs";
import { resolve } from "node:path";
import type { Bundle } from "@inclavare/oci";
import type { ContainerRecord } from "../record.ts";
import type { EnclaveRequest } from "../request.ts";
import { mustRunc, runRunc } from "../runc.ts";
import { initialise } from "./bring-up.ts";
import { type Engine, LONG_MS, removeFolder } from "./engine.ts";
import { type CreateOptions, prepareContainer } from "./prepare.ts";

/**
 * Creates an enclave container: returns when its enclave is initialised. Whatever fails, nothing stays behind, and the
 * error is the reason that whoever failed gave.
 *
 * Descriptors 0, 1 and 2 of this process become the container's; its init becomes a child of the nearest subreaper above.
 */
export async function createContainer(
  engine: Engine,
  options: CreateOptions,
  asked: { bundle: Bundle; request: EnclaveRequest },
): Promise<ContainerRecord> {
  const prepared = await prepareContainer(engine, options, asked);
  const { id } = options;
  try {
    try {
      const preserved = Array.from({ length: options.preservedDescriptors }, (_, index) => 3 + index);
      const stdio = [0, 1, 2, ...preserved, ...prepared.descriptors];
      const args = ["create", ...createFlags(options, prepared.paths.bundle, stdio.length - 3), id];
      await mustRunc(engine.runc, { args, stdio, deadlineMs: LONG_MS });
    } finally {
      prepared.release();
    }
    await mustRunc(engine.runc, { args: ["start", id], deadlineMs: LONG_MS });
    return await initialise(prepared);
  } catch (error) {
    await runRunc(engine.runc, { args: ["delete", "--force", id], deadlineMs: LONG_MS }).catch(() => undefined);
    if (options.pidFile !== undefined) rmSync(options.pidFile, { force: true });
    removeFolder(prepared.paths);
    throw error;
  }
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
