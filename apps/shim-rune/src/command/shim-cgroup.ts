import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";

/** Moves a process into a cgroup that exists: that of the unified hierarchy, or that of every mounted controller. */
export function joinCgroup(pid: number, path: string, mountPoint: string): void {
  const isUnified = existsSync(join(mountPoint, "cgroup.controllers"));
  const hierarchies = isUnified ? [mountPoint] : readdirSync(mountPoint).map((name) => join(mountPoint, name));
  const files = hierarchies.map((folder) => join(folder, path, "cgroup.procs")).filter((file) => existsSync(file));
  if (files.length === 0) throw new InclavareError("ERR_FILE_NOT_FOUND", `there is no cgroup ${path} for the shim`);
  for (const file of files) {
    try {
      writeFileSync(file, String(pid));
    } catch (cause) {
      throw new InclavareError("ERR_FILE", `cannot move the shim into ${file}`, { cause });
    }
  }
}
