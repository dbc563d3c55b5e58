import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import {
  extractTree,
  type FileTree,
  flattenLayers,
  type LayoutInput,
  openImage,
  packTar,
  type TarInput,
  writeLayout,
} from "../src/index.ts";
import { layerOf, pieces, type Sample, sha256, tarOf } from "./samples.ts";

let scratch = "";
let made = 0;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "inclavare-disk-"));
});
after(() => rm(scratch, { recursive: true, force: true }));

const next = (): string => join(scratch, String((made += 1)));
const owner = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

async function treeOf(samples: readonly Sample[]): Promise<FileTree> {
  return flattenLayers({ layers: [layerOf(await tarOf(samples))] });
}

describe("extractTree", () => {
  const samples: readonly Sample[] = [
    { name: "d/", type: "directory", mode: 0o750, mtime: new Date(5000) },
    { name: "d/f", content: "x".repeat(2_000_000), mode: 0o640, mtime: new Date(6000) },
    { name: "h", type: "link", linkname: "d/f" },
    { name: "l", type: "symlink", linkname: "/etc" },
    { name: "s", content: "s", mode: 0o6755 },
  ];

  it("writes files, links, modes and times", async () => {
    await using tree = await treeOf(samples);
    const directory = next();
    assert.deepEqual(await extractTree(tree, directory, { owners: false }), []);
    const file = await lstat(join(directory, "d/f"));
    assert.deepEqual([file.mode & 0o7777, file.mtimeMs, file.size], [0o640, 6000, 2_000_000]);
    assert.equal((await lstat(join(directory, "h"))).ino, file.ino);
    const inner = await lstat(join(directory, "d"));
    assert.deepEqual([inner.mode & 0o7777, inner.mtimeMs], [0o750, 5000]);
    assert.equal(await readlink(join(directory, "l")), "/etc");
    assert.equal((await lstat(join(directory, "s"))).mode & 0o7777, 0o755);
    assert.deepEqual(
      (await readdir(scratch)).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("gives owners and set-id bits as root", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("requires root: changes owners");
    await using tree = await treeOf([
      { name: "a", content: "", uid: 12, gid: 34, mode: 0o4711 },
      { name: "l", type: "symlink", linkname: "a", uid: 56, gid: 78 },
    ]);
    const directory = next();
    await extractTree(tree, directory);
    const { uid, gid, mode } = await lstat(join(directory, "a"));
    assert.deepEqual([uid, gid, mode & 0o7777], [12, 34, 0o4711]);
    assert.equal((await lstat(join(directory, "l"))).uid, 56);
  });

  it("writes into an empty directory, and refuses a full one or a file with ERR_OCI_TARGET_EXISTS", async () => {
    await using tree = await treeOf(samples);
    const directory = next();
    await mkdir(directory);
    await extractTree(tree, directory);
    await assert.rejects(extractTree(tree, directory), { code: "ERR_OCI_TARGET_EXISTS" });
    const file = next();
    await writeFile(file, "mine");
    await assert.rejects(extractTree(tree, file), { code: "ERR_OCI_TARGET_EXISTS" });
    assert.equal(await readFile(file, "utf8"), "mine");
    await assert.rejects(extractTree(tree, join(next(), "missing")), { code: "ERR_FILE" });
  });

  it("refuses devices and attributes with ERR_OCI_EXTRACT before it writes anything, or skips them", async () => {
    const pax = { "SCHILY.xattr.user.a": "1" };
    await using tree = await treeOf([
      { name: "f", content: "", pax },
      { name: "n", type: "character-device", devmajor: 1, devminor: 3 },
      { name: "p", type: "fifo" },
    ]);
    const directory = next();
    await assert.rejects(extractTree(tree, directory), { code: "ERR_OCI_EXTRACT" });
    await assert.rejects(lstat(directory), { code: "ENOENT" });
    assert.deepEqual(await extractTree(tree, directory, { unsupported: "skip" }), ["/f", "/n", "/p"]);
    assert.deepEqual(await readdir(directory), ["f"]);
  });

  it("leaves nothing behind when it fails half-way", async () => {
    const tree = await treeOf(samples);
    await tree.close();
    const directory = next();
    await assert.rejects(extractTree(tree, directory), { code: "ERR_OCI_CLOSED" });
    const name = directory.slice(scratch.length + 1);
    assert.deepEqual(
      (await readdir(scratch)).filter((entry) => entry.includes(name)),
      [],
    );
  });
});

/** Every path with its mode, and its size where it is a file. */
function listing(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    files.map((file) => {
      const path = join(file.parentPath, file.name);
      const stat = execFileSync("stat", ["-c", "%a %s", path]).toString().trim();
      return [path.slice(directory.length + 1), file.isDirectory() ? (stat.split(" ")[0] ?? "") : stat];
    }),
  );
}

describe("writeLayout", () => {
  const entries: readonly TarInput[] = [
    { path: "/b", type: "directory", ...owner, mode: 0o755 },
    { path: "/b/c", type: "file", ...owner, content: Buffer.from("c") },
    { path: "/a", type: "symlink", ...owner, linkTarget: "b/c" },
  ];
  const input: LayoutInput = {
    config: { Labels: { z: "1", a: "2" }, Entrypoint: ["/a"] },
    platform: { os: "linux", architecture: "amd64" },
    layers: [{ entries, annotations: { kind: "app" } }],
    manifestAnnotations: { "org.example.b": "1", "org.example.a": "2" },
    reference: "app:1",
    created: new Date(0),
  };

  it("writes the same bytes whatever the order of the input", async () => {
    const [one, two] = [next(), next()];
    const written = await writeLayout(one, input);
    const again = await writeLayout(two, {
      ...input,
      config: { Entrypoint: ["/a"], Labels: { a: "2", z: "1" } },
      manifestAnnotations: { "org.example.a": "2", "org.example.b": "1" },
      layers: [{ annotations: { kind: "app" }, entries: entries.toReversed() }],
    });
    assert.deepEqual(again, written);
    assert.deepEqual(listing(one), listing(two));
    for (const [name, stat] of Object.entries(listing(one))) {
      assert.match(stat, /^(?:644 \d+|755)$/u, name);
      if (name.startsWith("blobs/sha256/"))
        assert.equal(sha256(await readFile(join(one, name))).slice(7), name.slice(13));
    }
  });

  it("is known by its digest: a change of the format changes every reference value", async () => {
    const { manifestDigest } = await writeLayout(next(), input);
    assert.equal(manifestDigest, "sha256:8b466c014ad76bb7d1aab73da0eb9ff24526b1544acc88703107161f84481c12");
  });

  it("is opened again with all that was said", async () => {
    const directory = next();
    const written = await writeLayout(directory, input);
    await using image = await openImage(directory, { reference: "app:1", platform: input.platform });
    assert.deepEqual(image.config, input.config);
    assert.deepEqual(image.manifestAnnotations, input.manifestAnnotations);
    assert.equal(image.manifestDigest, written.manifestDigest);
    assert.equal(image.layers[0]?.diffId, written.layers[0]?.digest);
    await using tree = await flattenLayers(image);
    assert.deepEqual([...tree.entries.keys()], ["/", "/a", "/b", "/b/c"]);
  });

  it("takes an archive as it is, refuses a compressed one with ERR_OCI_MEDIA_TYPE", async () => {
    const archive = await tarOf([{ name: "x", content: "x" }]);
    const { layers } = await writeLayout(next(), {
      ...input,
      layers: [{ tar: pieces(archive, 100) }, { tar: packTar([]) }],
    });
    assert.deepEqual(layers[0], { digest: sha256(archive), sizeBytes: archive.length });
    const directory = next();
    const compressed = writeLayout(directory, { ...input, layers: [{ tar: pieces(gzipSync(archive), 100) }] });
    await assert.rejects(compressed, { code: "ERR_OCI_MEDIA_TYPE" });
    await assert.rejects(lstat(directory), { code: "ENOENT" });
    assert.deepEqual(
      (await readdir(scratch)).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("refuses a directory that is not empty with ERR_OCI_TARGET_EXISTS and leaves it alone", async () => {
    const directory = next();
    await mkdir(directory);
    await writeFile(join(directory, "mine"), "mine");
    await assert.rejects(writeLayout(directory, input), { code: "ERR_OCI_TARGET_EXISTS" });
    assert.deepEqual(await readdir(directory), ["mine"]);
  });

  it("gives way when another one was faster", async () => {
    const directory = next();
    const late = async function* (): AsyncGenerator<Uint8Array> {
      await mkdir(directory);
      await writeFile(join(directory, "mine"), "mine");
      yield await tarOf([]);
    };
    await assert.rejects(writeLayout(directory, { ...input, layers: [{ tar: late() }] }), {
      code: "ERR_OCI_TARGET_EXISTS",
    });
    assert.deepEqual(await readdir(directory), ["mine"]);
  });
});
