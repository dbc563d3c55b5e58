import { readdirSync, readFileSync } from "node:fs";
import { waitChild } from "@inclavare/linux";

const PAUSE_MS = 1_000;

/**
 * Buries what containers without a pid namespace of their own, and runtimes that were killed, leave to us. What this
 * process has started itself shares its cgroup and is left to Node.js; the processes of containers are waited for
 * elsewhere.
 */
export function reapOrphans(isKnown: (pid: number) => boolean): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const pid of findZombies()) if (!isKnown(pid)) waitChild(pid);
    }, PAUSE_MS).unref();
  };
  process.on("SIGCHLD", look);
  return {
    close() {
      process.off("SIGCHLD", look);
      clearTimeout(timer);
    },
  };
}

/** Children that have ended, of another cgroup than ours. */
function findZombies(): number[] {
  const own = cgroupOf("self");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && isOurZombie(name) && cgroupOf(name) !== own)
    .map(Number);
}

function isOurZombie(name: string): boolean {
  const stat = read(`/proc/${name}/stat`);
  // The name in parentheses may hold anything; state and parent follow it.
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith(`Z ${process.pid} `);
}

function cgroupOf(name: string): string {
  return read(`/proc/${name}/cgroup`);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // gone meanwhile
  }
}
