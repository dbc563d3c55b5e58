import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cgroupFolders } from "./cgroups.ts";

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
