import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { flattenLayers, openImage, writeLayout } from "../src/index.ts";

const run = promisify(execFile);

it("containerd imports and unpacks our layout, and we read what it exports", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("requires root: starts a containerd of its own");
  if (
    spawnSync("ctr", ["--version"]).error !== undefined ||
    spawnSync("containerd", ["--version"]).error !== undefined
  ) {
    return t.skip("requires ctr: it is not installed");
  }
  const scratch = await mkdtemp(join(tmpdir(), "inclavare-ctr-"));
  t.after(() => rm(scratch, { recursive: true, force: true }));
  const address = join(scratch, "c.sock");
  await writeFile(join(scratch, "config.toml"), 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
  const places = ["--root", join(scratch, "root"), "--state", join(scratch, "state"), "--address", address];
  const daemon = spawn("containerd", ["--config", join(scratch, "config.toml"), ...places], { stdio: "ignore" });
  const stopped = new Promise((resolve) => daemon.once("exit", resolve));
  try {
    const ctr = (...args: string[]): Promise<unknown> =>
      run("ctr", ["--address", address, ...args], { timeout: 60_000 });
    for (let tries = 0; ; tries += 1) {
      const failure = await ctr("version").then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (failure === undefined) break;
      if (tries >= 40) throw failure;
      await sleep(250);
    }
    const owner = { mode: 0o755, uid: 3_000_000_000, gid: 1, mtimeSeconds: 5 };
    const written = await writeLayout(join(scratch, "layout"), {
      config: { Entrypoint: ["/bin/x"] },
      platform: { os: "linux", architecture: "amd64" },
      reference: "docker.io/library/ours:1",
      layers: [
        {
          entries: [
            { path: "/bin/x", type: "file", ...owner, content: Buffer.from("hello") },
            { path: "/y", type: "hardlink", ...owner, linkTarget: "/bin/x" },
            { path: `/${"n".repeat(120)}/ä`, type: "symlink", ...owner, linkTarget: "/etc" },
          ],
        },
      ],
    });
    await run("tar", ["-C", join(scratch, "layout"), "-cf", join(scratch, "ours.tar"), "."]);
    await ctr("image", "import", "--snapshotter", "native", join(scratch, "ours.tar"));
    await ctr("image", "export", join(scratch, "theirs.tar"), "docker.io/library/ours:1");
    await using image = await openImage(join(scratch, "theirs.tar"), { reference: "ours:1" });
    assert.equal(image.manifestDigest, written.manifestDigest);
    await using tree = await flattenLayers(image);
    assert.equal(tree.entries.get("/bin/x")?.uid, 3_000_000_000);
    assert.equal(tree.entries.get("/y")?.inode, tree.entries.get("/bin/x")?.inode);
  } finally {
    daemon.kill();
    await stopped;
  }
});
