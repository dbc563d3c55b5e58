import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Quota } from "./content.ts";
import { FileSystem } from "./file-system.ts";
import { populate, type TreeContents } from "./populate.ts";
import { lookup } from "./resolve.ts";

function tree(contents: Partial<TreeContents>): FileSystem {
  const fs = new FileSystem({ now: () => 5n, quota: new Quota(() => 0) });
  populate(fs, { entries: [], memoryMounts: [], files: [], ...contents });
  return fs;
}

function textOf(fs: FileSystem, path: string): string {
  const node = lookup(fs.root, path, "always");
  assert.equal(node.type, "file");
  const bytes = new Uint8Array(100);
  return Buffer.from(bytes.subarray(0, node.content.read(0, bytes))).toString();
}

const file = (path: string, text: string) =>
  ({ type: "file", path, mtimeSeconds: 3, bytes: Buffer.from(text) }) as const;

describe("populate", () => {
  it("makes what the image lists, and the directories above it", () => {
    const fs = tree({
      entries: [
        { type: "directory", path: "/", mtimeSeconds: 9 },
        file("/a/b/c", "deep"),
        { type: "directory", path: "/a", mtimeSeconds: 4 },
      ],
    });
    assert.equal(textOf(fs, "a/b/c"), "deep");
    assert.equal(lookup(fs.root, "a", "always").times.mtime, 4_000_000_000n);
    assert.equal(fs.root.times.mtime, 9_000_000_000n);
  });

  it("lays memory mounts over the image, inner ones over outer ones", () => {
    const fs = tree({ entries: [file("/tmp/hidden", "x")], memoryMounts: ["/tmp/inner", "/tmp"] });
    const mount = lookup(fs.root, "tmp", "always");
    const inner = lookup(fs.root, "tmp/inner", "always");
    assert.equal(mount.type, "directory");
    assert.deepEqual([...mount.entries.keys()], ["inner"]);
    assert.equal(mount.device.readOnly, false);
    assert.notEqual(mount.device.id, inner.device.id);
  });

  it("lays added files over everything, through links of the image", () => {
    const fs = tree({
      entries: [
        { type: "directory", path: "/run", mtimeSeconds: 1 },
        { type: "symlink", path: "/var/run", mtimeSeconds: 1, target: "../run" },
        file("/etc/key", "old"),
      ],
      memoryMounts: ["/run"],
      files: [
        { path: "/var/run/secrets/key", bytes: Buffer.from("secret") },
        { path: "/etc/key", bytes: Buffer.from("new") },
      ],
    });
    assert.equal(textOf(fs, "run/secrets/key"), "secret");
    assert.equal(textOf(fs, "var/run/secrets/key"), "secret");
    assert.equal(textOf(fs, "etc/key"), "new");
    assert.equal(lookup(fs.root, "etc/key", "always").device.readOnly, true);
  });
});
