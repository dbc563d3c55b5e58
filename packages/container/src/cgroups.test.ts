import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { cgroupFolders, processesIn, removeEmptyCgroups } from "./cgroups.ts";

const HYBRID = {
  mountinfo:
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" +
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n" +
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n" +
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
  cgroup: "4:cpu,cpuacct:/a/b\n9:name=systemd:/user:x\n0::/\n",
};
const UNIFIED = {
  mountinfo: "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
  cgroup: "0::/user.slice/session.scope\n",
};
const place = { id: "c1", systemd: false };

describe("cgroupFolders", () => {
  it("starts at the caller's own cgroup, or at the root for an absolute path", () => {
    assert.deepEqual(cgroupFolders(HYBRID, place), [
      "/sys/fs/cgroup/cpu,cpuacct/a/b/c1",
      "/sys/fs/cgroup/systemd/user:x/c1",
      "/sys/fs/cgroup/unified/c1",
    ]);
    assert.deepEqual(cgroupFolders(HYBRID, { ...place, cgroupsPath: "/docker/1" }), [
      "/sys/fs/cgroup/cpu,cpuacct/docker/1",
      "/sys/fs/cgroup/systemd/docker/1",
      "/sys/fs/cgroup/unified/docker/1",
    ]);
  });

  it("lies beside the caller's cgroup with version 2 alone", () =>
    assert.deepEqual(cgroupFolders(UNIFIED, place), ["/sys/fs/cgroup/user.slice/c1"]));

  it("leaves systemd's to systemd, and what is outside the mount alone", () => {
    assert.deepEqual(cgroupFolders(UNIFIED, { ...place, systemd: true, cgroupsPath: "a:b:c" }), []);
    const narrow = { ...UNIFIED, mountinfo: UNIFIED.mountinfo.replace("0:26 / ", "0:26 /other ") };
    assert.deepEqual(cgroupFolders(narrow, place), []);
  });
});

describe("removeEmptyCgroups", () => {
  const [skip, parent] = [process.getuid?.() === 0 ? false : "requires root: cgroups are made by root", hierarchy()];

  it("removes what is empty, says what is busy, and does not mind what is gone", { skip }, async () => {
    const [empty, busy] = ["empty", "busy"].map((name) => join(parent, `inclavare-${name}-${process.pid}`)) as [
      string,
      string,
    ];
    for (const folder of [empty, busy]) mkdirSync(folder);
    const child = spawn("sleep", ["60"]);
    try {
      writeFileSync(join(busy, "cgroup.procs"), String(child.pid));
      assert.deepEqual(await removeEmptyCgroups([empty, busy, join(parent, "nobody")], 50), [busy]);
      assert.deepEqual(processesIn(busy), [child.pid]);
      // Whoever is on the way out is waited for.
      child.kill("SIGKILL");
      assert.deepEqual(await removeEmptyCgroups([empty, busy]), []);
      assert.deepEqual([existsSync(empty), existsSync(busy)], [false, false]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

/** A hierarchy in which cgroups can be made. */
function hierarchy(): string {
  return existsSync("/sys/fs/cgroup/pids/cgroup.procs") ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
}
