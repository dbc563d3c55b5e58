import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exitStatus } from "./quirks.ts";
import { UNWRITTEN } from "./structures.ts";

describe("exitStatus", () => {
  it("takes the value as it is, from 0 to 255", () => {
    assert.equal(exitStatus("/lib/liberpal-x.so", 0), 0);
    assert.equal(exitStatus("/lib/liberpal-x.so", 137), 137);
    for (const value of [256, -1, 0x300, UNWRITTEN]) {
      assert.throws(() => exitStatus("/lib/liberpal-x.so", value), { code: "ERR_PAL_EXIT_VALUE" });
    }
  });

  it("reads Occlum's as wait(2) does", () => {
    assert.equal(exitStatus("/opt/occlum/build/lib/libocclum-pal.so.0", 0x300), 3);
    assert.equal(exitStatus("/opt/occlum/build/lib/libocclum-pal.so", 9), 137);
    assert.equal(exitStatus("/opt/occlum/build/lib/libocclum-pal.so", 0), 0);
  });

  it("takes WAMR's silence for success", () => {
    assert.equal(exitStatus("/usr/lib/libwamr-pal.so", UNWRITTEN), 0);
    assert.throws(() => exitStatus("/usr/lib/libocclum-pal.so", UNWRITTEN), { code: "ERR_PAL_EXIT_VALUE" });
  });
});
