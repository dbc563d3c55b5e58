import { closeSync, existsSync, openSync, readFileSync, readSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { createEventfd, watchReadable } from "@inclavare/linux";

const MOUNT_POINT = "/sys/fs/cgroup";
/** From the kernel's notice to the kill it announces. */
const KILL_MS = 100;

/** Where a container's limits and counters are; found while it lives, and good as long as the cgroup is there. */
export interface Cgroup {
  readonly version: 1 | 2;
  /** The folder of a controller; with version 2 always the same. */
  folder(controller: string): string;
  /** Calls back when the kernel ended a process because memory was short. */
  watchOom(callback: () => void): { close(): void };
  /** Whether that happened without anybody having been called back. */
  sawNewOom(): boolean;
}

/** @throws ERR_FILE when the process is gone; @param mountPoint left out: /sys/fs/cgroup */
export function findCgroup(pid: number, mountPoint: string = MOUNT_POINT): Cgroup {
  const paths = parseCgroups(readFileSync(`/proc/${pid}/cgroup`, "utf8"));
  const unified = paths.get("");
  if (existsSync(join(mountPoint, "cgroup.controllers"))) {
    if (unified === undefined) throw new InclavareError("ERR_FILE", `process ${pid} has no cgroup`);
    return unifiedCgroup(join(mountPoint, unified));
  }
  return legacyCgroup((controller) => join(mountPoint, controller, paths.get(controller) ?? "/"));
}

/** Path by controller, and that of the unified hierarchy under the empty name. */
export function parseCgroups(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/u.exec(line) ?? [];
      if (controllers === undefined || path === undefined) return [];
      return controllers.split(",").map((controller) => [controller.replace(/^name=/u, ""), path] as const);
    }),
  );
}

function unifiedCgroup(folder: string): Cgroup {
  const file = join(folder, "memory.events");
  const sawNewOom = newKills(file);
  return {
    version: 2,
    folder: () => folder,
    sawNewOom,
    watchOom(callback) {
      const watcher = watch(file, { persistent: false }, () => (sawNewOom() ? callback() : undefined));
      watcher.on("error", () => undefined); // the cgroup is gone
      return watcher;
    },
  };
}

/** Version 1: the kernel counts up a descriptor that was registered with `cgroup.event_control`, shortly before it kills. */
function legacyCgroup(folder: (controller: string) => string): Cgroup {
  const control = join(folder("memory"), "memory.oom_control");
  const sawNewOom = newKills(control);
  return {
    version: 1,
    folder,
    sawNewOom,
    watchOom(callback) {
      const event = registerEvent(control, join(folder("memory"), "cgroup.event_control"));
      let timer: NodeJS.Timeout | undefined;
      const watcher = watchReadable(event, () => {
        readSync(event, Buffer.alloc(8));
        timer = setTimeout(() => (sawNewOom() ? callback() : undefined), KILL_MS).unref();
      });
      return {
        close() {
          clearTimeout(timer);
          watcher.close();
          closeSync(event);
        },
      };
    },
  };
}

function registerEvent(file: string, control: string): number {
  const event = createEventfd();
  try {
    const source = openSync(file, "r");
    try {
      writeFileSync(control, `${event} ${source}`);
    } finally {
      closeSync(source);
    }
    return event;
  } catch (error) {
    closeSync(event);
    throw error;
  }
}

/** Tells whether the counter has grown since it was asked last. */
function newKills(file: string): () => boolean {
  let seen = countOf(file, "oom_kill");
  return () => {
    const count = countOf(file, "oom_kill");
    const grew = count > seen;
    seen = Math.max(seen, count);
    return grew;
  };
}

/** The number behind a word in a file of lines `word number`; 0 where the file or the word is missing. */
function countOf(file: string, word: string): number {
  try {
    const line = readFileSync(file, "utf8")
      .split("\n")
      .find((text) => text.startsWith(`${word} `));
    return Number(line?.slice(word.length + 1) ?? 0);
  } catch {
    return 0;
  }
}
