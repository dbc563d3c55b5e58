import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { collect, layerOf, type Sample, sha256, tarOf } from "../../test/samples.ts";
import type { ImageLimits } from "../image/types.ts";
import { flattenLayers } from "./flatten.ts";
import type { FileTree } from "./types.ts";

async function flatten(layers: readonly (readonly Sample[])[], limits: ImageLimits = {}): Promise<FileTree> {
  const archives = await Promise.all(layers.map((layer) => tarOf(layer)));
  return flattenLayers({ layers: archives.map((archive) => layerOf(archive)) }, { limits });
}

/** Path and contents of files, path alone of the rest. */
async function summary(tree: FileTree): Promise<string[]> {
  const lines: string[] = [];
  for (const entry of tree.entries.values()) {
    const { path, type, linkTarget } = entry;
    const shown =
      type === "file"
        ? `=${Buffer.from(await entry.read()).toString()}`
        : type === "directory"
          ? ""
          : ` ${type} ${linkTarget ?? ""}`;
    lines.push(`${path}${shown}`);
  }
  await tree.close();
  return lines;
}

async function refused(layers: readonly (readonly Sample[])[], code: string, limits: ImageLimits = {}): Promise<void> {
  await assert.rejects(flatten(layers, limits), { code });
}

const dir = (name: string): Sample => ({ name: `${name}/`, type: "directory" });
const file = (name: string, content = name): Sample => ({ name, content });

describe("flattenLayers", () => {
  it("puts one layer over the other", async () => {
    const tree = await flatten([
      [dir("a"), file("a/x", "1"), file("a/y", "2"), file("b", "3")],
      [file("a/x", "new"), dir("b"), file("b/c", "4")],
    ]);
    assert.deepEqual(await summary(tree), ["/", "/a", "/a/x=new", "/a/y=2", "/b", "/b/c=4"]);
  });

  it("replaces a directory by a file, with all that was in it", async () => {
    assert.deepEqual(await summary(await flatten([[dir("a"), file("a/x")], [file("a", "f")]])), ["/", "/a=f"]);
  });

  it("replaces a symbolic link by a directory", async () => {
    const tree = await flatten([
      [{ name: "bin", type: "symlink", linkname: "usr/bin" }],
      [dir("bin"), file("bin/sh", "s")],
    ]);
    assert.deepEqual(await summary(tree), ["/", "/bin", "/bin/sh=s"]);
  });

  it("makes the root and missing parents, mode 0755, time 0", async () => {
    const tree = await flatten([[{ ...file("a/b/c"), mtime: new Date(9000) }]]);
    const { mode, uid, mtimeSeconds } = tree.entries.get("/a/b") ?? {};
    assert.deepEqual([mode, uid, mtimeSeconds, tree.entries.get("/a/b/c")?.mtimeSeconds], [0o755, 0, 0, 9]);
    await tree.close();
  });

  it("takes the root's own attributes", async () => {
    const tree = await flatten([[{ name: "./", type: "directory", mode: 0o700, uid: 7 }]]);
    assert.equal(tree.entries.get("/")?.mode, 0o700);
    await tree.close();
  });

  it("removes what a whiteout names, and lets what the same layer adds stay, in any order", async () => {
    const lower = [
      dir("a"),
      file("a/x", "old"),
      file("a/y"),
      dir("d"),
      file("d/z", "old"),
      dir("d/e"),
      file("d/e/f", "old"),
    ];
    const upper = [file("a/.wh.x", ""), file("a/x", "new"), file("d/e/new", "n"), file(".wh.d", "")];
    const expected = ["/", "/a", "/a/x=new", "/a/y=a/y", "/d", "/d/e", "/d/e/new=n"];
    assert.deepEqual(await summary(await flatten([lower, upper])), expected);
    assert.deepEqual(await summary(await flatten([lower, upper.toReversed()])), expected);
  });

  it("empties an opaque directory of what is below, in any order", async () => {
    const lower = [dir("a"), file("a/x", "old"), dir("a/s"), file("a/s/t", "old")];
    const upper = [dir("a"), file("a/.wh..wh..opq", ""), file("a/y", "new"), file("a/s/u", "new")];
    const expected = ["/", "/a", "/a/s", "/a/s/u=new", "/a/y=new"];
    assert.deepEqual(await summary(await flatten([lower, upper])), expected);
    assert.deepEqual(await summary(await flatten([lower, upper.toReversed()])), expected);
  });

  it("passes over whiteouts of what is not there, and over what aufs left", async () => {
    const upper = [
      file(".wh.x", ""),
      file("q/.wh.y", ""),
      file(".wh..wh.aufs", ""),
      dir(".wh..wh.plnk"),
      file(".wh..wh.plnk/1.2", ""),
    ];
    assert.deepEqual(await summary(await flatten([[file("a")], upper])), ["/", "/a=a"]);
  });

  it("gives hard links the same inode, also across layers, until one is replaced", async () => {
    const layers = [
      [file("a", "1")],
      [
        { name: "b", type: "link" as const, linkname: "./a" },
        { name: "c", type: "link" as const, linkname: "/b" },
      ],
    ];
    const tree = await flatten([...layers, [file("b", "2")]]);
    const [a, b, c] = ["/a", "/b", "/c"].map((path) => tree.entries.get(path)?.inode);
    assert.equal(a, c);
    assert.notEqual(a, b);
    assert.deepEqual(await summary(tree), ["/", "/a=1", "/b=2", "/c=1"]);
  });

  it("keeps links, devices, pipes and attributes as they are", async () => {
    const pax = { "SCHILY.xattr.user.a": "1" };
    const tree = await flatten([
      [
        { name: "l", type: "symlink", linkname: "../../etc/shadow" },
        { name: "n", type: "character-device", devmajor: 1, devminor: 3 },
        { name: "p", type: "fifo" },
        { ...file("f"), pax, mode: 0o4711 },
      ],
    ]);
    assert.equal(tree.entries.get("/l")?.linkTarget, "../../etc/shadow");
    assert.deepEqual(tree.entries.get("/n")?.device, { major: 1, minor: 3 });
    assert.equal(tree.entries.get("/p")?.type, "fifo");
    assert.equal(tree.entries.get("/f")?.mode, 0o4711);
    assert.deepEqual([...(tree.entries.get("/f")?.xattrs.keys() ?? [])], ["user.a"]);
    await tree.close();
  });

  it("refuses every way out with ERR_OCI_LAYER_PATH", async () => {
    const link: Sample = { name: "l", type: "symlink", linkname: "/etc" };
    const cases: Record<string, readonly (readonly Sample[])[]> = {
      "a name with ..": [[file("../evil")]],
      "a name with .. inside": [[dir("a"), file("a/../../evil")]],
      "through a symbolic link": [[link, file("l/evil")]],
      "through a symbolic link of a lower layer": [[link], [file("l/evil")]],
      "through a file": [[file("f"), file("f/evil")]],
      "a hard link to ..": [[{ name: "h", type: "link", linkname: "../../etc/shadow" }]],
      "a hard link before its target": [[{ name: "h", type: "link", linkname: "a" }, file("a")]],
      "a hard link through a symbolic link": [[link, { name: "h", type: "link", linkname: "l/shadow" }]],
      "a hard link to a directory": [[dir("d"), { name: "h", type: "link", linkname: "d" }]],
      "a hard link to what a whiteout removed": [
        [file("a")],
        [file(".wh.a", ""), { name: "h", type: "link", linkname: "a" }],
      ],
      "a whiteout through a symbolic link": [[link], [file("l/.wh.passwd", "")]],
      "a whiteout of ..": [[file(".wh...", "")]],
      "a whiteout of .": [[file(".wh..", "")]],
      "a whiteout of nothing": [[file(".wh.", "")]],
      "below a whiteout": [[file(".wh.a/b", "")]],
      "a root that is a file": [[file("./", "x")].map((entry) => ({ ...entry, name: "./." }))],
    };
    for (const [name, layers] of Object.entries(cases)) {
      await assert.rejects(flatten(layers), { code: "ERR_OCI_LAYER_PATH" }, name);
    }
    // tar-stream will not write such a link, but a file can be turned into one.
    const archive = await tarOf([file("l", "")]);
    archive.write("2", 156);
    archive.fill(" ", 148, 156);
    archive.write(
      archive
        .subarray(0, 512)
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0"),
      148,
    );
    await assert.rejects(flattenLayers({ layers: [layerOf(archive)] }), { code: "ERR_OCI_LAYER_PATH" });
  });

  it("stops at its limits with ERR_OCI_LIMIT", async () => {
    await refused([[file("a", "x".repeat(3000))], [file("b", "x".repeat(3000))]], "ERR_OCI_LIMIT", {
      totalBytes: 6000,
    });
    await refused([[file("a"), file("b")], [file("c")]], "ERR_OCI_LIMIT", { entries: 2 });
    const attributes = { "SCHILY.xattr.user.a": "x".repeat(1000) };
    await refused([[{ ...file("a"), pax: attributes }]], "ERR_OCI_LIMIT", { metadataBytes: 1000 });
  });

  it("stops a gzip bomb long before it is unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const layer = layerOf(bomb, { compression: "gzip" });
    await assert.rejects(flattenLayers({ layers: [layer] }, { limits: { totalBytes: 1024 * 1024 } }), {
      code: "ERR_OCI_LIMIT",
    });
  });

  it("leaves no temporary file, neither after close nor after a failure, and streams after close fail", async (t) => {
    const spoolDirectory = await mkdtemp(join(tmpdir(), "inclavare-spool-"));
    t.after(() => rm(spoolDirectory, { recursive: true }));
    const layers = [layerOf(await tarOf([file("a", "x".repeat(3_000_000)), file("b", "2")]))];
    const tree = await flattenLayers({ layers }, { spoolDirectory });
    assert.deepEqual(readdirSync(spoolDirectory), []);
    const a = tree.entries.get("/a");
    const b = tree.entries.get("/b");
    assert.ok(a !== undefined && b !== undefined);
    assert.equal((await collect(a.open())).toString(), "x".repeat(3_000_000));
    assert.equal((await collect(b.open())).toString(), "2");
    await tree.close();
    await tree.close();
    await assert.rejects(a.read(), { code: "ERR_OCI_CLOSED" });
    await assert.rejects(collect(a.open()), { code: "ERR_OCI_CLOSED" });
    await assert.rejects(flattenLayers({ layers }, { spoolDirectory: join(spoolDirectory, "missing") }), {
      code: "ERR_FILE",
    });
  });
});

describe("compressed and damaged layers", () => {
  const samples = [file("a", "x".repeat(100_000))];
  const packers = { gzip: gzipSync, zstd: zstdCompressSync } as const;

  for (const compression of ["gzip", "zstd"] as const) {
    it(`reads ${compression}, in several parts as well`, async () => {
      const archive = await tarOf(samples);
      const pack = packers[compression];
      const parts = Buffer.concat([pack(archive.subarray(0, 1000)), pack(archive.subarray(1000))]);
      for (const stored of [pack(archive), parts]) {
        const tree = await flattenLayers({ layers: [layerOf(stored, { archive, compression })] });
        assert.equal(tree.entries.get("/a")?.sizeBytes, 100_000);
        await tree.close();
      }
    });

    it(`refuses truncated ${compression} and bytes behind it with ERR_OCI_LAYER`, async () => {
      const archive = await tarOf(samples);
      const whole = packers[compression](archive);
      const zeros = Buffer.alloc(300_000);
      for (const stored of [
        whole.subarray(0, -5),
        whole.subarray(0, 20),
        Buffer.concat([whole, zeros]),
        Buffer.concat([whole, Buffer.from("tail")]),
      ]) {
        await assert.rejects(flattenLayers({ layers: [layerOf(stored, { archive, compression })] }), {
          code: "ERR_OCI_LAYER",
        });
      }
    });

    it(`refuses a damaged ${compression} blob with ERR_OCI_DIGEST, whatever the damage does to its contents`, async () => {
      const archive = await tarOf(samples);
      const whole = packers[compression](archive);
      for (const offset of [5, Math.floor(whole.length / 2), whole.length - 3]) {
        const damaged = Buffer.from(whole);
        damaged[offset] = (damaged[offset] ?? 0) ^ 0x55;
        const layer = layerOf(damaged, { archive, compression, digest: sha256(whole) });
        await assert.rejects(flattenLayers({ layers: [layer] }), { code: "ERR_OCI_DIGEST" }, String(offset));
      }
    });
  }

  it("refuses a wrong digest, size or diff_id with ERR_OCI_DIGEST", async () => {
    const archive = await tarOf(samples);
    const other = sha256(Buffer.from("other"));
    for (const lie of [
      { digest: other },
      { diffId: other },
      { sizeBytes: archive.length - 1 },
      { sizeBytes: archive.length + 1 },
    ]) {
      await assert.rejects(
        flattenLayers({ layers: [layerOf(archive, lie)] }),
        { code: "ERR_OCI_DIGEST" },
        JSON.stringify(lie),
      );
    }
  });

  it("refuses encrypted and unknown media types, and contents that are not what they say", async () => {
    const archive = await tarOf(samples);
    const cases = [
      ["application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "ERR_OCI_ENCRYPTED"],
      ["application/vnd.oci.image.layer.v1.tar+encrypted", "ERR_OCI_ENCRYPTED"],
      ["application/vnd.oci.image.layer.v1.tar+gzip", "ERR_OCI_MEDIA_TYPE"],
      ["application/vnd.docker.image.rootfs.diff.tar.zstd", "ERR_OCI_MEDIA_TYPE"],
      ["application/vnd.oci.image.layer.v1.tar+xz", "ERR_OCI_MEDIA_TYPE"],
      ["text/plain", "ERR_OCI_MEDIA_TYPE"],
    ] as const;
    for (const [mediaType, code] of cases) {
      await assert.rejects(flattenLayers({ layers: [layerOf(archive, { mediaType })] }), { code }, mediaType);
    }
    const gzipped = layerOf(gzipSync(archive), { archive });
    await assert.rejects(flattenLayers({ layers: [gzipped] }), { code: "ERR_OCI_MEDIA_TYPE" });
    const docker = layerOf(gzipSync(archive), {
      archive,
      mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    });
    await (await flattenLayers({ layers: [docker] })).close();
  });

  it("refuses a tar archive that ends early with ERR_OCI_LAYER", async () => {
    const archive = (await tarOf(samples)).subarray(0, 5000);
    await assert.rejects(flattenLayers({ layers: [layerOf(archive)] }), { code: "ERR_OCI_LAYER" });
  });
});
