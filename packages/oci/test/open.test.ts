import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { flattenLayers, openImage, type OpenImageOptions, resolveInTree } from "../src/index.ts";
import { AMD64, ARM64, type Descriptor, dockerSave, type Files, LayoutSample, OCI } from "./images.ts";
import { type Sample, sha256, tarOf } from "./samples.ts";

let scratch = "";
let made = 0;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "inclavare-open-"));
});
after(() => rm(scratch, { recursive: true, force: true }));

async function asDirectory(files: Files): Promise<string> {
  const directory = join(scratch, String((made += 1)));
  for (const [name, content] of files) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

async function asArchive(
  files: Files,
  pack: (archive: Buffer) => Uint8Array = (archive) => archive,
  more: readonly Sample[] = [],
): Promise<string> {
  const path = join(scratch, String((made += 1)));
  await writeFile(path, pack(await tarOf([...[...files].map(([name, content]) => ({ name, content })), ...more])));
  return path;
}

/** What the image's /hello says. */
async function hello(path: string, options: OpenImageOptions = {}): Promise<string> {
  await using image = await openImage(path, options);
  await using tree = await flattenLayers(image);
  return Buffer.from((await tree.entries.get("/hello")?.read()) ?? []).toString();
}

async function refused(files: Files, code: string, options: OpenImageOptions = {}): Promise<void> {
  await assert.rejects(openImage(await asDirectory(files), options), { code });
}

/** A layout whose manifest has other members. */
async function layoutWith(changes: Record<string, unknown>): Promise<Files> {
  const layout = new LayoutSample();
  return layout.index([await layout.image("hi", AMD64, changes)]).files;
}

const named = (descriptor: Descriptor, name: string): Descriptor => ({
  ...descriptor,
  annotations: { "org.opencontainers.image.ref.name": name },
});

describe("openImage: OCI layouts", () => {
  it("reads a directory, an archive, and compressed archives", async () => {
    const sample = new LayoutSample();
    const manifest = await sample.image("hi");
    sample.index([manifest]);
    const path = await asDirectory(sample.files);
    await using image = await openImage(path);
    assert.equal(image.manifestDigest, manifest.digest);
    assert.deepEqual(image.config, { Cmd: ["/hello"] });
    assert.deepEqual(image.platform, AMD64);
    assert.deepEqual(image.document["history"], [{ created_by: "test" }]);
    assert.equal(await hello(path), "hi");
    assert.equal(await hello(await asArchive(sample.files)), "hi");
    assert.equal(await hello(await asArchive(sample.files, (archive) => gzipSync(archive))), "hi");
    assert.equal(await hello(await asArchive(sample.files, (archive) => zstdCompressSync(archive))), "hi");
  });

  it("leaves no file open behind, and close is idempotent", async () => {
    const sample = new LayoutSample();
    sample.index([await sample.image("hi")]);
    const image = await openImage(await asArchive(sample.files));
    await image.close();
    await image.close();
  });

  it("finds an image by name, by full name, by digest, and by containerd's name", async () => {
    const sample = new LayoutSample();
    const one = await sample.image("one");
    const two = await sample.image("two");
    const three = {
      ...(await sample.image("three")),
      annotations: { "io.containerd.image.name": "docker.io/library/app:3" },
    };
    sample.index([named(one, "app:1"), named(two, "docker.io/library/app:latest"), three]);
    const path = await asDirectory(sample.files);
    assert.equal(await hello(path, { reference: "app:1" }), "one");
    assert.equal(await hello(path, { reference: "app" }), "two");
    assert.equal(await hello(path, { reference: "app:3" }), "three");
    assert.equal(await hello(path, { reference: two.digest }), "two");
    await assert.rejects(openImage(path, { reference: "app:9" }), { code: "ERR_OCI_REFERENCE" });
    await assert.rejects(openImage(path), (thrown: Error & { code: string; details: Record<string, unknown> }) => {
      assert.equal(thrown.code, "ERR_OCI_AMBIGUOUS");
      assert.deepEqual(thrown.details["references"], [
        "app:1",
        "docker.io/library/app:latest",
        "docker.io/library/app:3",
      ]);
      return true;
    });
  });

  it("takes one image under two names for one", async () => {
    const sample = new LayoutSample();
    const one = await sample.image("one");
    sample.index([named(one, "app:1"), named(one, "app:2")]);
    const path = await asDirectory(sample.files);
    assert.equal(await hello(path), "one");
    assert.equal(await hello(path, { reference: "app:2" }), "one");
  });

  it("selects by platform, through nested indexes, past attestations and artifacts", async () => {
    const sample = new LayoutSample();
    const amd = { ...(await sample.image("amd")), platform: AMD64 };
    const arm = { ...(await sample.image("arm", ARM64)), platform: ARM64 };
    const attestation = { ...(await sample.image("a")), platform: { os: "unknown", architecture: "unknown" } };
    const artifact = { ...(await sample.image("b")), artifactType: "application/x" };
    sample.index([named(sample.nested([amd, sample.nested([arm]), attestation, artifact]), "app:1")]);
    const path = await asDirectory(sample.files);
    assert.equal(await hello(path, { platform: AMD64 }), "amd");
    assert.equal(await hello(path, { platform: { os: "linux", architecture: "arm64" }, reference: "app:1" }), "arm");
    await assert.rejects(openImage(path), { code: "ERR_OCI_AMBIGUOUS" });
    await assert.rejects(openImage(path, { platform: { os: "linux", architecture: "s390x" } }), {
      code: "ERR_OCI_PLATFORM",
    });
  });

  it("takes the platform whose manifest is there, as docker save leaves it", async () => {
    const sample = new LayoutSample();
    const amd = { ...(await sample.image("amd")), platform: AMD64 };
    const arm = { ...(await sample.image("arm", ARM64)), platform: ARM64 };
    sample.index([sample.nested([amd, arm])]).files.delete(`blobs/${arm.digest.replace(":", "/")}`);
    const path = await asDirectory(sample.files);
    assert.equal(await hello(path), "amd");
    await assert.rejects(openImage(path, { platform: ARM64 }), { code: "ERR_OCI_BLOB_MISSING" });
  });

  it("believes the configuration, not the descriptor, about the platform", async () => {
    const sample = new LayoutSample();
    sample.index([await sample.image("amd")]);
    await refused(sample.files, "ERR_OCI_PLATFORM", { platform: ARM64 });
    const lying = new LayoutSample();
    lying.index([{ ...(await lying.image("amd")), platform: ARM64 }]);
    await refused(lying.files, "ERR_OCI_PLATFORM", { platform: ARM64 });
  });

  it("refuses blobs that are not what their descriptors say with ERR_OCI_DIGEST", async () => {
    for (const kind of ["manifest", "config", "layer"]) {
      const sample = new LayoutSample();
      const manifest = await sample.image("hi");
      sample.index([manifest]);
      const isManifest = (name: string): boolean => name.endsWith(manifest.digest.slice(7));
      for (const [name, content] of sample.files) {
        if (!name.startsWith("blobs/") || typeof content === "string") continue;
        const found = content[0] === 0x1f ? "layer" : isManifest(name) ? "manifest" : "config";
        if (found === kind) sample.files.set(name, Buffer.concat([content.subarray(0, -1), Buffer.from("x")]));
      }
      await assert.rejects(hello(await asDirectory(sample.files)), { code: "ERR_OCI_DIGEST" }, kind);
    }
    const longer = new LayoutSample();
    const manifest = await longer.image("hi");
    longer.index([{ ...manifest, size: manifest.size + 1 }]);
    await refused(longer.files, "ERR_OCI_DIGEST");
  });

  it("refuses missing blobs with ERR_OCI_BLOB_MISSING", async () => {
    const sample = new LayoutSample();
    const manifest = await sample.image("hi");
    sample.index([manifest]);
    for (const name of sample.files.keys()) {
      if (!name.startsWith("blobs/")) continue;
      const without = new Map(sample.files);
      without.delete(name);
      await assert.rejects(hello(await asDirectory(without)), { code: "ERR_OCI_BLOB_MISSING" }, name);
    }
  });

  it("refuses documents that are malformed or of another kind", async () => {
    await refused(await layoutWith({ schemaVersion: 1 }), "ERR_OCI_IMAGE");
    await refused(await layoutWith({ manifests: [] }), "ERR_OCI_IMAGE");
    await refused(await layoutWith({ layers: [] }), "ERR_OCI_IMAGE");
    await refused(await layoutWith({ Layers: [] }), "ERR_OCI_IMAGE");
    await refused(await layoutWith({ mediaType: `${OCI}.index.v1+json` }), "ERR_OCI_MEDIA_TYPE");
    await refused(
      await layoutWith({ layers: [{ mediaType: "x", digest: "sha256:../../etc/passwd", size: 1 }] }),
      "ERR_OCI_IMAGE",
    );
    const foreign = new LayoutSample();
    const config = foreign.json("application/vnd.example+json", {});
    await refused(foreign.index([await foreign.image("hi", AMD64, { config })]).files, "ERR_OCI_MEDIA_TYPE");
    const layout = new LayoutSample().index([]);
    await refused(layout.files, "ERR_OCI_REFERENCE");
    layout.files.set("index.json", "{");
    await refused(layout.files, "ERR_OCI_IMAGE");
    layout.files.delete("index.json");
    await refused(layout.files, "ERR_OCI_BLOB_MISSING");
    layout.files.set("oci-layout", '{"imageLayoutVersion":"2.0.0"}');
    await refused(layout.files, "ERR_OCI_IMAGE");
    await refused(new Map([["something", "else"]]), "ERR_OCI_IMAGE");
  });

  it("refuses indexes without end with ERR_OCI_LIMIT", async () => {
    const sample = new LayoutSample();
    let deep = await sample.image("hi");
    for (let level = 0; level < 12; level += 1) deep = sample.nested([deep]);
    await refused(sample.index([deep]).files, "ERR_OCI_LIMIT");
    const wide = new LayoutSample();
    const one = await wide.image("hi");
    await refused(wide.index(Array.from({ length: 10_001 }, () => one)).files, "ERR_OCI_LIMIT");
  });

  it("refuses what is no image at all", async () => {
    const text = join(scratch, "text");
    await writeFile(text, "no image".repeat(1000));
    await assert.rejects(openImage(text), { code: "ERR_OCI_IMAGE" });
    await assert.rejects(openImage(join(scratch, "missing")), { code: "ERR_FILE_NOT_FOUND" });
    await assert.rejects(openImage("/dev/null"), { code: "ERR_OCI_IMAGE" });
    const empty = join(scratch, "empty");
    await writeFile(empty, "");
    await assert.rejects(openImage(empty), { code: "ERR_OCI_IMAGE" });
    const cut = new LayoutSample();
    cut.index([await cut.image("hi")]);
    await assert.rejects(openImage(await asArchive(cut.files, (archive) => archive.subarray(0, 2000))), {
      code: "ERR_OCI_IMAGE",
    });
    const bomb = { totalBytes: 1000 };
    await assert.rejects(openImage(await asArchive(cut.files, (archive) => gzipSync(archive)), { limits: bomb }), {
      code: "ERR_OCI_LIMIT",
    });
    const twice = await asArchive(cut.files, undefined, [{ name: "./index.json", content: "{}" }]);
    await assert.rejects(openImage(twice), { code: "ERR_OCI_IMAGE" });
  });
});

describe("openImage: docker archives", () => {
  it("reads the old form of docker save, repeated layers as links", async () => {
    const lower = await tarOf([{ name: "hello", content: "old" }]);
    const upper = await tarOf([{ name: "hello", content: "new" }]);
    const files = await dockerSave(["app:1", "example.org/app:2"], [lower, upper, lower, upper]);
    files.delete("2/layer.tar");
    files.delete("3/layer.tar");
    const links: Sample[] = [
      { name: "2/layer.tar", type: "symlink", linkname: "../0/layer.tar" },
      { name: "3/layer.tar", type: "link", linkname: "1/layer.tar" },
    ];
    const path = await asArchive(files, undefined, links);
    assert.equal(await hello(path), "new");
    assert.equal(await hello(path, { reference: "app:1" }), "new");
    await assert.rejects(openImage(path, { reference: "app" }), { code: "ERR_OCI_REFERENCE" });
    await using image = await openImage(path, { platform: AMD64 });
    assert.equal(image.manifestDigest, undefined);
    assert.deepEqual(image.config, { Entrypoint: ["/hello"] });
    assert.deepEqual(
      image.layers.map(({ digest }) => digest),
      [lower, upper, lower, upper].map(sha256),
    );
  });

  it("reads compressed layers in it, and untagged images", async () => {
    const archive = await tarOf([{ name: "hello", content: "hi" }]);
    const files = await dockerSave(null, [archive]);
    const packed = gzipSync(archive);
    files.set("0/layer.tar", packed);
    const path = await asArchive(files);
    assert.equal(await hello(path), "hi");
    await using image = await openImage(path);
    assert.equal(image.layers[0]?.digest, sha256(packed));
    assert.equal(image.layers[0]?.diffId, sha256(archive));
  });

  it("prefers the OCI layout where docker wrote both", async () => {
    const sample = new LayoutSample();
    const manifest = await sample.image("hi");
    const annotations = {
      "io.containerd.image.name": "docker.io/library/app:1",
      "org.opencontainers.image.ref.name": "1",
    };
    sample.index([{ ...manifest, annotations }]);
    const [configName, layerName] = [...sample.files.keys()].filter((name) => name.startsWith("blobs/"));
    sample.files.set(
      "manifest.json",
      JSON.stringify([{ Config: configName, RepoTags: ["app:1"], Layers: [layerName] }]),
    );
    const path = await asArchive(sample.files);
    assert.equal(await hello(path, { reference: "app:1" }), "hi");
    await using image = await openImage(path);
    assert.equal(image.manifestDigest, manifest.digest);
  });

  it("refuses what was changed, is missing, or leads out", async () => {
    const archive = await tarOf([{ name: "hello", content: "hi" }]);
    const other = await tarOf([{ name: "hello", content: "ho" }]);
    const changed = await dockerSave(["app:1"], [archive]);
    changed.set("0/layer.tar", other);
    await assert.rejects(hello(await asArchive(changed)), { code: "ERR_OCI_DIGEST" });
    const config = await dockerSave(["app:1"], [archive]);
    for (const [name, content] of config) if (/^[0-9a-f]{64}/u.test(name)) config.set(name, `${String(content)} `);
    await assert.rejects(openImage(await asArchive(config)), { code: "ERR_OCI_DIGEST" });
    const missing = await dockerSave(["app:1"], [archive]);
    missing.delete("0/layer.tar");
    await assert.rejects(openImage(await asArchive(missing)), { code: "ERR_OCI_BLOB_MISSING" });
    for (const linkname of ["/etc/passwd", "../../etc/passwd", "layer.tar"]) {
      const path = await asArchive(missing, undefined, [{ name: "0/layer.tar", type: "symlink", linkname }]);
      await assert.rejects(openImage(path), { code: "ERR_OCI_BLOB_MISSING" }, linkname);
    }
    const outside = await dockerSave(["app:1"], [archive]);
    outside.set("manifest.json", JSON.stringify([{ Config: "../../../etc/passwd", Layers: [] }]));
    await assert.rejects(openImage(await asArchive(outside)), { code: "ERR_OCI_BLOB_MISSING" });
    await assert.rejects(openImage(await asDirectory(outside)), { code: "ERR_OCI_IMAGE" });
  });

  it("lists the names when several images fit", async () => {
    const archive = await tarOf([{ name: "hello", content: "hi" }]);
    const files = await dockerSave(["app:1"], [archive]);
    const [entry] = JSON.parse(String(files.get("manifest.json"))) as [Record<string, unknown>];
    files.set("manifest.json", JSON.stringify([entry, { ...entry, RepoTags: ["app:2"] }]));
    const path = await asArchive(files);
    await assert.rejects(openImage(path), { code: "ERR_OCI_AMBIGUOUS", details: { references: ["app:1", "app:2"] } });
    assert.equal(await hello(path, { reference: "app:2" }), "hi");
  });
});

describe("images that other tools made", () => {
  it("reads what docker save writes of an image that is there", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "inclavare-docker-"));
    t.after(() => rmSync(directory, { recursive: true }));
    let images: string[][] = [];
    try {
      const format = "{{.Repository}}:{{.Tag}} {{.Size}}";
      const listed = execFileSync("docker", ["image", "ls", "--format", format], { stdio: "pipe", timeout: 10_000 });
      images = listed
        .toString()
        .trim()
        .split("\n")
        .map((line) => line.split(" "));
    } catch {
      return t.skip("requires docker: no daemon answers");
    }
    const [image] = images.find(([name = "", size = ""]) => /^[^<]+$/u.test(name) && /[kM]B$/u.test(size)) ?? [];
    if (image === undefined) return t.skip("requires docker with a small image: it has none");
    const path = join(directory, "image.tar");
    execFileSync("docker", ["save", "-o", path, image], { stdio: "pipe", timeout: 120_000 });
    await using opened = await openImage(path, { reference: image });
    await using tree = await flattenLayers(opened);
    assert.ok(tree.entries.size > 1);
    assert.ok(resolveInTree(tree, "/") !== undefined);
  });
});
