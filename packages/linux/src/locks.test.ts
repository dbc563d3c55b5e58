import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { tryLockFile, unlockFile } from "./index.ts";

it("tryLockFile: many share, one excludes, closing frees", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "inclavare-lock-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const one = openSync(folder, "r");
  const two = openSync(folder, "r");
  assert.ok(tryLockFile(one, "shared") && tryLockFile(two, "shared"));
  assert.equal(tryLockFile(one, "exclusive"), false);
  unlockFile(two);
  assert.ok(tryLockFile(one, "exclusive"));
  assert.equal(tryLockFile(two, "shared"), false);
  closeSync(one);
  assert.ok(tryLockFile(two, "exclusive"));
  closeSync(two);
  assert.throws(() => tryLockFile(two, "shared"), { code: "ERR_LINUX_CALL" });
});
