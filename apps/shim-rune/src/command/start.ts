import { spawn } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { createCoreScheduling } from "@inclavare/linux";
import { type ShimOptions, readOptions } from "../options.ts";
import { claimSocket } from "./claim-socket.ts";
import type { ShimFlags } from "./flags.ts";
import { joinCgroup } from "./shim-cgroup.ts";
import { DEFAULT_SOCKET_DIRECTORY, groupOf, socketPath } from "./socket-address.ts";
import { decodeStartInput } from "./start-input.ts";

const MAX_OOM_SCORE = 1000;
/** What runc and Node.js would act upon. */
const FOREIGN_VARIABLES = ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NODE_OPTIONS"];

/**
 * What keeps the daemon small: it can collect garbage when it wants to, its young generation has 1 MiB, and V8 has no threads of
 * its own. The launcher in C knows them too.
 */
export const DAEMON_FLAGS: readonly string[] = [
  "--expose-gc",
  "--max-semi-space-size=1",
  "--single-threaded",
  "--v8-pool-size=0",
];

export interface StartContext {
  readonly flags: ShimFlags;
  readonly input: Uint8Array;
  readonly env: NodeJS.ProcessEnv;
  /** The command line that makes a daemon when no action follows. */
  readonly daemon: readonly [string, ...string[]];
}

/**
 * Joins the shim of the container's group, or starts one; writes the bundle's `address`. The working directory is the bundle.
 * @returns the address, which is listened at already.
 */
export async function startShim({ flags, input, env, daemon }: StartContext): Promise<string> {
  const { options, bootstrap } = decodeStartInput(input, flags.id, flags.namespace);
  const directory = bootstrap?.socketDirectory ?? "";
  const path = socketPath(directory === "" ? DEFAULT_SOCKET_DIRECTORY : directory, {
    address: flags.address,
    namespace: flags.namespace,
    group: groupOf(flags.id, readAnnotations("config.json")),
  });
  const address = `unix://${path}`;
  const listener = claimSocket(path);
  if (listener === undefined) {
    writeAddress(address);
    return address;
  }
  try {
    writeAddress(address);
    if (env["SCHED_CORE"] !== undefined) createCoreScheduling();
    const pid = spawnDaemon(listener, flags, env, daemon);
    try {
      raiseOomScore(pid);
      await limit(pid, options);
    } catch (error) {
      process.kill(pid, "SIGKILL");
      throw error;
    }
    return address;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(listener);
  }
}

function readAnnotations(file: string): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot read ${file} of the bundle`, { cause });
  }
  try {
    return (JSON.parse(text) as { annotations?: Record<string, string> }).annotations ?? {};
  } catch (cause) {
    throw new InclavareError("ERR_JSON", `${file} of the bundle is not JSON`, { cause });
  }
}

/** Whoever reads it sees all of it or nothing. */
function writeAddress(address: string): void {
  const temporary = `.address-${process.pid}`;
  writeFileSync(temporary, address, { mode: 0o600 });
  renameSync(temporary, "address");
}

function spawnDaemon(
  listener: number,
  flags: ShimFlags,
  env: NodeJS.ProcessEnv,
  [program, ...args]: StartContext["daemon"],
): number {
  const log = existsSync("log") ? openSync("log", constants.O_RDWR | constants.O_NONBLOCK) : undefined;
  const own = ["-namespace", flags.namespace, "-id", flags.id, "-address", flags.address];
  try {
    const child = spawn(program, [...args, ...own, ...(flags.debug ? ["-debug"] : [])], {
      detached: true,
      stdio: ["ignore", "ignore", log ?? "ignore", listener],
      env: daemonEnvironment(env),
    });
    child.on("error", () => undefined); // the missing pid says it
    child.unref();
    if (child.pid === undefined) throw new InclavareError("ERR_FILE", `cannot start the shim's daemon ${program}`);
    return child.pid;
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

function daemonEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !FOREIGN_VARIABLES.includes(name));
  return Object.fromEntries(kept);
}

/** The daemon goes before containerd when memory is short. An older kernel, or a container around us, may refuse it. */
function raiseOomScore(pid: number): void {
  try {
    const score = Number(readFileSync(`/proc/${process.ppid}/oom_score_adj`, "utf8"));
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(Math.min(score + 1, MAX_OOM_SCORE)));
  } catch {
    // no reason not to run the container
  }
}

async function limit(pid: number, options: Parameters<typeof readOptions>[0]): Promise<void> {
  let read: ShimOptions;
  try {
    read = await readOptions(options);
  } catch {
    return; // Create refuses them with the reason
  }
  if (read.shimCgroup !== "") joinCgroup(pid, read.shimCgroup, join("/sys", "fs", "cgroup"));
}
