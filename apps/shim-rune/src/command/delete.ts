import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Config, containerPaths, loadLifecycle, runRunc } from "@inclavare/container";
import { removeForgottenCgroups } from "../bundle/cgroups.ts";
import { readKeptOptions, readPid } from "../bundle/files.ts";
import { unmountBelow } from "../bundle/unmount.ts";
import { toTimestamp } from "../messages/common.ts";
import { deleteResponse } from "../messages/task.ts";
import { hookCommand } from "../runtime/hook-command.ts";
import { runcOptions } from "../runtime/settings.ts";
import type { ShimFlags } from "./flags.ts";
import { answers } from "./claim-socket.ts";

/** containerd gives `delete` five seconds in all. */
const RUNC_MS = 4_000;
/** Of a shim that was killed, the listening socket can outlive the connection whose end made containerd call us. */
const STAYS_MS = 100;
const SIGKILL_STATUS = 128 + 9;

export interface DeleteContext {
  readonly flags: ShimFlags;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly config: Config;
  readonly now: () => Date;
}

/**
 * Removes what is left of a container, from the bundle alone. containerd calls it after every deletion, so most often there is
 * nothing to do; each step is taken whatever became of the one before.
 * @returns the answer for standard output
 */
export async function deleteLeftovers({ flags, cwd, env, config, now }: DeleteContext): Promise<Uint8Array> {
  const bundle = flags.bundle === "" ? join(dirname(cwd), flags.id) : flags.bundle;
  const pid = readPid(join(bundle, "init.pid"));
  const kept = readKeptOptions(bundle);
  await attempt(async () => {
    const path = env["PATH"];
    const runc = runcOptions(config, kept, {
      namespace: flags.namespace,
      path,
      log: () => undefined,
    });
    if (existsSync(containerPaths(config.rune.state, runc.root, flags.id).directory)) {
      const { deleteContainer } = await loadLifecycle();
      await deleteContainer({ config, runc, hookCommand: hookCommand() }, flags.id, true);
    } else await runRunc(runc, { args: ["delete", "--force", flags.id], deadlineMs: RUNC_MS });
  });
  await attempt(() => removeForgottenCgroups(bundle, flags.id, kept.systemdCgroup));
  await attempt(() => unmountBelow(join(bundle, "rootfs")));
  await attempt(() => removeDeadSocket(bundle));
  return deleteResponse.encode({ pid, exitStatus: SIGKILL_STATUS, exitedAt: toTimestamp(now()) });
}

/** A shim that was killed leaves its socket behind; a living one is left alone. */
function removeDeadSocket(bundle: string): void {
  const path = readFileSync(join(bundle, "address"), "utf8")
    .trim()
    .replace(/^unix:\/\//u, "");
  if (path.startsWith("/") && existsSync(path) && !answers(path, STAYS_MS)) rmSync(path, { force: true });
}

async function attempt(step: () => unknown): Promise<void> {
  try {
    await step();
  } catch {
    // the rest can be removed all the same, and nobody reads a reason
  }
}
