import { closeSync } from "node:fs";
import { pidfdOpen, waitPidfd } from "@inclavare/linux";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits for a process that has become a child of this one, because this one is a subreaper, and takes its exit status.
 * Preconditions: the process has not been waited for.
 */
export async function reaped(pid: number): Promise<{ code: number | undefined; signal: number | undefined }> {
  const descriptor = pidfdOpen(pid);
  try {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(10)) {
      const exit = waitPidfd(descriptor);
      if (exit !== undefined) return { code: exit.code, signal: exit.signal };
    }
    throw new Error(`process ${pid} has not ended`);
  } finally {
    closeSync(descriptor);
  }
}
