import { readFileSync, rmdirSync } from "node:fs";
import { posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** In all: a process that was killed takes its time on a loaded machine. */
const WAIT_MS = 5_000;
const PAUSE_MS = 20;

/** What the kernel says of this process's cgroups: /proc/self/mountinfo and /proc/self/cgroup. */
export interface CgroupFacts {
  readonly mountinfo: string;
  readonly cgroup: string;
}

export interface CgroupPlace {
  readonly id: string;
  /** `linux.cgroupsPath`; left out: the id. */
  readonly cgroupsPath?: string | undefined;
  /** systemd makes the cgroup then, and removes it when it is empty. */
  readonly systemd: boolean;
}

export function readCgroupFacts(): CgroupFacts {
  return { mountinfo: readFileSync("/proc/self/mountinfo", "utf8"), cgroup: readFileSync("/proc/self/cgroup", "utf8") };
}

/**
 * The folders in which runc puts a container, one in each hierarchy: an absolute path starts at the hierarchy's root, any
 * other at the caller's own cgroup (with version 2 alone, beside it: a cgroup with processes has no children).
 */
export function cgroupFolders(facts: CgroupFacts, { id, cgroupsPath = "", systemd }: CgroupPlace): string[] {
  if (systemd) return [];
  const inner = cgroupsPath === "" ? id : cgroupsPath;
  const hierarchies = parseHierarchies(facts.mountinfo);
  const onlyVersion2 = hierarchies.every(({ version }) => version === 2);
  return hierarchies.flatMap(({ version, root, point, controllers }) => {
    if (inner.startsWith("/")) return [posix.join(point, inner)];
    const own = ownCgroup(facts.cgroup, version, controllers);
    if (own === undefined) return [];
    const below = posix.relative(root, onlyVersion2 ? posix.dirname(own) : own);
    return below.startsWith("..") ? [] : [posix.join(point, below, inner)];
  });
}

/**
 * Removes cgroups that nobody is in. Those that somebody is in are somebody else's, or not for us to end.
 * @returns those that are still there, because somebody did not leave them in time
 */
export async function removeEmptyCgroups(folders: readonly string[], waitMs: number = WAIT_MS): Promise<string[]> {
  const deadline = performance.now() + waitMs;
  const left: string[] = [];
  for (const folder of folders) {
    // The last process may be on its way out.
    let busy = isBusy(folder);
    for (; busy && performance.now() < deadline; busy = isBusy(folder)) await sleep(PAUSE_MS);
    if (busy) left.push(folder);
  }
  return left;
}

function isBusy(folder: string): boolean {
  try {
    rmdirSync(folder);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EBUSY";
  }
}

/** The processes in a cgroup; none where it is gone. */
export function processesIn(folder: string): readonly number[] {
  try {
    return readFileSync(posix.join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

interface Hierarchy {
  readonly version: 1 | 2;
  readonly root: string;
  readonly point: string;
  readonly controllers: readonly string[];
}

function parseHierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root = "", point = ""] = left.split(" ");
    const [type, , options = ""] = right.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    return [{ version: type === "cgroup" ? 1 : 2, root, point, controllers: options.split(",") }];
  });
}

function ownCgroup(cgroup: string, version: 1 | 2, controllers: readonly string[]): string | undefined {
  for (const line of cgroup.split("\n")) {
    const [number, names = "", ...path] = line.split(":");
    const isIt =
      version === 2 ? number === "0" : names.split(",").some((name) => name !== "" && controllers.includes(name));
    if (isIt) return path.join(":");
  }
  return undefined;
}
