import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { layerOf, type Sample, tarOf } from "../../test/samples.ts";
import { flattenLayers } from "./flatten.ts";
import { resolveInTree } from "./lookup.ts";
import type { FileTree } from "./types.ts";
import { resolveUser } from "./user.ts";

const PASSWD = `# people
root:x:0:0:root:/root:/bin/sh
app:x:1000:1001:App:/home/app:/bin/sh
broken line
huge:x:99999999999:1::/:
1234:x:55:66::/:
`;
const GROUP = `root:x:0:
app:x:1001:
video:x:44:other, app
audio:x:63:app
`;

const link = (name: string, linkname: string): Sample => ({ name, type: "symlink", linkname });

async function treeOf(samples: readonly Sample[]): Promise<FileTree> {
  return flattenLayers({ layers: [layerOf(await tarOf(samples))] });
}

describe("resolveUser", () => {
  let tree: FileTree;
  let empty: FileTree;
  before(async () => {
    // As on NixOS, /etc/passwd may be a link.
    tree = await treeOf([
      { name: "etc/passwd", type: "symlink", linkname: "../store/passwd" },
      { name: "store/passwd", content: PASSWD },
      { name: "etc/group", content: GROUP },
    ]);
    empty = await treeOf([]);
  });
  after(async () => {
    await tree.close();
    await empty.close();
  });

  const cases: readonly [string, number, number, readonly number[]][] = [
    ["", 0, 0, []],
    ["root", 0, 0, []],
    ["app", 1000, 1001, [44, 63]],
    ["1000", 1000, 1001, [44, 63]],
    ["app:video", 1000, 44, []],
    ["app:7", 1000, 7, []],
    ["4711", 4711, 0, []],
    ["4711:audio", 4711, 63, []],
    ["1234", 1234, 0, []],
    [":video", 0, 44, []],
  ];
  for (const [user, uid, gid, additionalGids] of cases) {
    it(`knows ${JSON.stringify(user)}`, async () => {
      assert.deepEqual(await resolveUser(tree, user), { uid, gid, additionalGids });
    });
  }

  it("needs no files for numbers", async () => {
    assert.deepEqual(await resolveUser(empty, "1:2"), { uid: 1, gid: 2, additionalGids: [] });
    assert.deepEqual(await resolveUser(empty, ""), { uid: 0, gid: 0, additionalGids: [] });
  });

  for (const user of ["nobody", "app:nobody", "huge", "a:b:c", "2147483648", "0:99999999999"]) {
    it(`refuses ${user} with ERR_OCI_USER`, async () => {
      await assert.rejects(resolveUser(tree, user), { code: "ERR_OCI_USER" });
    });
  }
});

describe("resolveInTree", () => {
  it("follows links inside the tree only", async () => {
    await using tree = await treeOf([
      { name: "usr/bin/sh", content: "" },
      link("bin", "usr/bin"),
      link("abs", "/usr/bin/sh"),
      link("up", "../../../../usr/../bin/sh"),
      link("round", "round"),
      link("dead", "nothing"),
    ]);
    const found = (path: string): string | undefined => resolveInTree(tree, path)?.path;
    assert.equal(found("/bin/sh"), "/usr/bin/sh");
    assert.equal(found("abs"), "/usr/bin/sh");
    assert.equal(found("/up"), "/usr/bin/sh");
    assert.equal(found("/"), "/");
    assert.equal(found("/.."), "/");
    assert.equal(found("/usr/bin/"), "/usr/bin");
    for (const path of ["/round", "/dead", "/usr/bin/sh/x", "/usr/bin/sh/..", "/bin/ls"])
      assert.equal(found(path), undefined, path);
  });
});
