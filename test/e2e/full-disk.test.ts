import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mount, MOUNT_FLAGS, unmount } from "@inclavare/linux";
import { writeOrdinaryImage } from "../../apps/inclavare/src/demo/ordinary-image.ts";
import { probeProgram } from "../support/probe-program.ts";
import { Probes } from "../support/probes.ts";
import { BIN, cannotRun } from "../support/testbed.ts";

/** A disk that has no room left: creating fails with a code and the kernel's word, and leaves nothing half done. */
describe("a full disk", { skip: cannotRun() }, () => {
  let probes: Probes;
  let full: string;
  before(async () => {
    probes = await Probes.create("full");
    full = probes.bed.path("full");
    mkdirSync(full);
    mount({ source: "tmpfs", target: full, type: "tmpfs", flags: MOUNT_FLAGS.noSuid, data: "size=64k,nr_inodes=64" });
    // All but one page: directories can still be made, contents cannot.
    writeFileSync(join(full, "ballast"), Buffer.alloc(60 * 1024));
  });
  after(async () => {
    unmount(full, { detach: true });
    await probes.bed[Symbol.asyncDispose]();
  });

  it("is named by rune create, and no container is left", () => {
    const folder = probes.bundle(["exit", "0"]);
    const state = join(full, "rune");
    const config = probes.bed.path("full.toml");
    writeFileSync(
      config,
      readFileSync(probes.bed.env["INCLAVARE_CONFIG"] ?? "", "utf8").replace(probes.bed.path("rune"), state),
    );
    const root = probes.bed.path("runc");
    const env = { ...probes.bed.env, INCLAVARE_CONFIG: config };
    const { status, stderr } = spawnSync(join(BIN, "rune"), ["--root", root, "run", "-b", folder, "full-1"], {
      env,
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /ENOSPC/u);
    assert.match(stderr, /ERR_[A-Z_]+/u);
    assert.doesNotMatch(stderr, /\n\s+at /u, "a stack trace");
    assert.equal(probes.bed.rune("list", "-q").stdout.includes("full-1"), false);
    const left = readdirSync(full, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("full-1"));
    assert.deepEqual(left, []);
  });

  it("is named by inclavare convert, and no half image is left", async () => {
    const image = probes.bed.path("image");
    await writeOrdinaryImage(image, await probeProgram(), "/app.wasm");
    const output = join(full, "tee");
    const words = ["convert", image, "-o", output];
    const { status, stderr } = spawnSync(join(BIN, "inclavare"), words, { encoding: "utf8", timeout: 60_000 });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /ENOSPC/u);
    assert.match(stderr, /ERR_FILE/u);
    assert.deepEqual(
      readdirSync(full).filter((name) => name.includes("tee")),
      [],
    );
  });
});
