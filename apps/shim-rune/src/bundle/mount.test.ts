import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { mountRootfs, parseMountOptions, shortenOverlay } from "./mount.ts";
import { unmountBelow } from "./unmount.ts";

describe("parseMountOptions", () => {
  it("turns fstab's words into flags, and passes the rest on", () => {
    assert.deepEqual(parseMountOptions(["ro", "nosuid", "size=4k", "mode=0755"]), {
      flags: 3,
      data: "size=4k,mode=0755",
    });
    assert.deepEqual(parseMountOptions(["rbind", "ro", "rw"]), { flags: 4096 | 16384, data: "" });
    assert.deepEqual(parseMountOptions(["X-containerd.loopback=/x", "constructor"]), { flags: 0, data: "constructor" });
  });
});

describe("shortenOverlay", () => {
  const layers = Array.from({ length: 120 }, (_, index) => `/var/lib/containerd/snapshots/${index}/fs`);
  const data = `workdir=/w,upperdir=/u,lowerdir=${layers.join(":")}`;

  it("writes many layers relative to the folder that they share", () => {
    const short = shortenOverlay(data);
    assert.equal(short.directory, "/var/lib/containerd/snapshots");
    assert.ok(short.data.startsWith("workdir=/w,upperdir=/u,lowerdir=0/fs:1/fs:"));
    assert.ok(short.data.length < 4096);
  });

  it("leaves few layers, and those that share nothing, as they are", () => {
    assert.deepEqual(shortenOverlay("lowerdir=/a:/b"), { data: "lowerdir=/a:/b", directory: undefined });
    assert.equal(shortenOverlay(`${data}:/elsewhere/fs`).directory, undefined);
  });
});

describe("mountRootfs", { skip: process.getuid?.() === 0 ? false : "requires root: it mounts" }, () => {
  it("mounts in order, read-only where asked, and refuses a target outside", () => {
    const folder = mkdtempSync(join(tmpdir(), "inclavare-mount-"));
    const rootfs = join(folder, "rootfs");
    const source = join(folder, "source");
    mkdirSync(join(source, "sub"), { recursive: true });
    writeFileSync(join(source, "file"), "here");
    try {
      mountRootfs(rootfs, [
        { type: "bind", source, target: "", options: ["rbind", "ro"] },
        { type: "tmpfs", source: "tmpfs", target: "/sub", options: ["size=64k"] },
      ]);
      assert.equal(readFileSync(join(rootfs, "file"), "utf8"), "here");
      assert.throws(() => writeFileSync(join(rootfs, "file"), ""), { code: "EROFS" });
      writeFileSync(join(rootfs, "sub", "new"), "");
      const outside = { type: "tmpfs", source: "tmpfs", target: "../..", options: [] };
      assert.throws(() => mountRootfs(rootfs, [outside]), { name: "TtrpcError", status: 3 });
    } finally {
      unmountBelow(rootfs);
      rmSync(folder, { recursive: true });
    }
  });
});
