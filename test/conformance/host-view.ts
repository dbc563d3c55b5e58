import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";

/** What the kernel says of a container's first process, as far as a runtime decides it. */
export class HostView {
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** A line of /proc/PID/status. */
  status(name: string): string {
    const line = this.#read("status")
      .split("\n")
      .find((text) => text.startsWith(`${name}:`));
    return (line ?? "")
      .slice(name.length + 1)
      .trim()
      .replaceAll(/\s+/gu, " ");
  }

  /** Soft and hard limit after the name in /proc/PID/limits. */
  limit(name: string): string {
    const line = this.#read("limits")
      .split("\n")
      .find((text) => text.startsWith(name));
    return (line ?? "").slice(26).trim().split(/ +/u).slice(0, 2).join(" ");
  }

  /** Its mounts without those that only an enclave container has; options without the sizes that the machine decides. */
  mounts(): string[] {
    return this.#read("mountinfo")
      .trim()
      .split("\n")
      .map((line) => {
        const [left = "", right = ""] = line.split(" - ");
        const [, , , root, point, options] = left.split(" ");
        return [point, root, options, right.split(" ")[0]].join(" ");
      })
      .filter((mount) => !mount.startsWith("/dev/inclavare/"));
  }

  /** Which namespaces are the caller's own, and which are new. */
  namespaces(): Record<string, string> {
    const names = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
    return Object.fromEntries(
      names.map((name) => [name, this.namespace(name) === readlinkSync(`/proc/self/ns/${name}`) ? "host" : "own"]),
    );
  }

  namespace(name: string): string {
    return readlinkSync(`/proc/${this.#pid}/ns/${name}`);
  }

  file(name: string): string {
    return this.#read(name).trim();
  }

  /** A control file of its cgroup (version 1). */
  cgroup(controller: string, file: string): string {
    const line = this.#read("cgroup")
      .split("\n")
      .find((text) => text.split(":")[1]?.split(",").includes(controller));
    const path = `/sys/fs/cgroup/${controller}${line?.split(":")[2] ?? ""}/${file}`;
    return existsSync(path) ? readFileSync(path, "utf8").trim() : "no such file";
  }

  cgroupPaths(): string[] {
    return this.#read("cgroup").trim().split("\n");
  }

  /** What a command of the host says inside some of its namespaces. */
  inside(namespaces: readonly string[], ...command: string[]): string {
    return execFileSync("nsenter", ["-t", String(this.#pid), ...namespaces, ...command], { encoding: "utf8" }).trim();
  }

  #read(name: string): string {
    return readFileSync(`/proc/${this.#pid}/${name}`, "utf8");
  }
}
