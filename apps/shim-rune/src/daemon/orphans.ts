import { channel } from "node:diagnostics_channel";
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { waitChild } from "@inclavare/linux";

const PAUSE_MS = 1_000;

export interface OrphanOptions {
  /** Somebody waits for this process, or will. */
  readonly isKnown: (pid: number) => boolean;
  /** A process is being made: a child that nobody knows may be that one. */
  readonly isBusy: () => boolean;
}

/**
 * Buries what containers without a pid namespace of their own, and runtimes that were killed, leave to us: children that
 * nobody waits for. Never others, for a status that is taken here is lost to whoever wanted it.
 */
export function reapOrphans({ isKnown, isBusy }: OrphanOptions): { close(): void } {
  /** What Node.js itself has started and waits for. */
  const started = new Set<ChildProcess>();
  const remember = (message: unknown): void => {
    const { process: child } = message as { readonly process: ChildProcess };
    started.add(child);
    child.once("exit", () => started.delete(child));
    child.once("error", () => (child.pid === undefined ? started.delete(child) : undefined));
  };
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (isBusy()) return look();
      const own = new Set([...started].map(({ pid }) => pid));
      for (const pid of findZombies()) if (!own.has(pid) && !isKnown(pid)) waitChild(pid);
    }, PAUSE_MS).unref();
  };
  channel("child_process").subscribe(remember);
  process.on("SIGCHLD", look);
  return {
    close() {
      channel("child_process").unsubscribe(remember);
      process.off("SIGCHLD", look);
      clearTimeout(timer);
    },
  };
}

/** Children that have ended. */
function findZombies(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && isOurZombie(name))
    .map(Number);
}

function isOurZombie(name: string): boolean {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, "utf8");
    // The name in parentheses may hold anything; state and parent follow it.
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith(`Z ${process.pid} `);
  } catch {
    return false; // gone meanwhile
  }
}
