import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { flattenLayers, openImage, writeLayout } from "../src/index.ts";

it("reads back the layout that it wrote", async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), "inclavare-oci-"));
  t.after(() => rm(scratch, { recursive: true }));
  const owner = { mode: 0o644, uid: 1, gid: 2, mtimeSeconds: 3 };
  const directory = join(scratch, "layout");
  const written = await writeLayout(directory, {
    config: { Entrypoint: ["/bin/app"] },
    platform: { os: "linux", architecture: "amd64" },
    layers: [{ entries: [{ path: "/bin/app", type: "file", ...owner, content: Buffer.from("hello") }] }],
    reference: "app:1",
  });
  await using image = await openImage(directory, { reference: "app:1" });
  assert.equal(image.manifestDigest, written.manifestDigest);
  assert.deepEqual(image.config, { Entrypoint: ["/bin/app"] });
  await using tree = await flattenLayers(image);
  assert.deepEqual([...tree.entries.keys()], ["/", "/bin", "/bin/app"]);
  assert.equal(Buffer.from((await tree.entries.get("/bin/app")?.read()) ?? "").toString(), "hello");
});
