import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openStore } from "./store.ts";

const A = "aa".repeat(32);
const B = "bb".repeat(32);
const addedAt = new Date("2026-01-02T03:04:05.678Z");

describe("the store", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "shelter-store-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("keeps references from one opening to the next, by workload", () => {
    const full = { workload: "w", mrEnclave: A, mrSigner: B, isvProdId: 7, minIsvSvn: 2, source: "a build", addedAt };
    const least = { workload: "v", mrEnclave: A, addedAt };
    {
      using store = openStore(directory);
      store.addReference(full);
      store.addReference(least);
    }
    using store = openStore(directory);
    assert.deepEqual(store.listReferences(), [least, full]);
    assert.deepEqual(store.listReferences("w"), [full]);
    assert.deepEqual(store.listReferences("x"), []);
  });

  it("refuses the same measurement twice with ERR_REFERENCE_EXISTS", () => {
    using store = openStore(directory);
    store.addReference({ workload: "w", mrEnclave: A, addedAt });
    store.addReference({ workload: "w", mrEnclave: B, addedAt });
    assert.throws(() => store.addReference({ workload: "w", mrEnclave: A, addedAt }), { code: "ERR_REFERENCE_EXISTS" });
  });

  it("removes one reference, or all of a workload", () => {
    using store = openStore(directory);
    for (const mrEnclave of [A, B]) store.addReference({ workload: "w", mrEnclave, addedAt });
    assert.equal(store.removeReferences("w", A), 1);
    assert.equal(store.removeReferences("w", A), 0);
    assert.equal(store.removeReferences("w"), 1);
  });

  it("refuses a store of a newer release, and one that is none, with ERR_STORE", () => {
    openStore(directory)[Symbol.dispose]();
    const database = new DatabaseSync(join(directory, "shelter.sqlite"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.throws(() => openStore(directory), { code: "ERR_STORE" });
    writeFileSync(join(directory, "shelter.sqlite"), "no database at all".repeat(1000));
    assert.throws(() => openStore(directory), { code: "ERR_STORE" });
  });
});
