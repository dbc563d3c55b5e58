import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { validateContainerId } from "./container-id.ts";

const GOOD = ["a", "A_z-0.9+", "..a", "a.", "-x", "a".repeat(255)];
const BAD = ["", ".", "..", "a/b", "a b", "a:b", "ä", "a\n", "a\0", "a".repeat(256)];

describe("validateContainerId", () => {
  for (const id of GOOD) it(`takes ${JSON.stringify(id).slice(0, 20)}`, () => validateContainerId(id));
  for (const id of BAD) {
    it(`refuses ${JSON.stringify(id).slice(0, 20)} with ERR_OCI_CONTAINER_ID`, () => {
      assert.throws(() => validateContainerId(id), { code: "ERR_OCI_CONTAINER_ID" });
    });
  }

  it("judges as runc does", (t) => {
    const root = mkdtempSync(join(tmpdir(), "inclavare-runc-"));
    t.after(() => rmSync(root, { recursive: true, force: true }));
    // An id that runc likes leads to "container does not exist", one that it does not to "invalid id format".
    for (const [ids, expected] of [
      [GOOD.slice(0, 4), /does not exist/u],
      [BAD.slice(1, 7), /invalid (?:container )?id/iu],
    ] as const) {
      for (const id of ids) {
        const { error, stderr } = spawnSync("runc", ["--root", root, "state", "--", id], { encoding: "utf8" });
        if (error !== undefined) return t.skip("requires runc: it is not installed");
        assert.match(stderr, expected, id);
      }
    }
    return undefined;
  });
});
