import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rootDirectory } from "./paths.ts";

describe("rootDirectory", () => {
  it("is FNV-1a of 64 bits of the root", () => {
    // (offset basis ^ byte) * prime, modulo 2^64
    assert.equal(
      rootDirectory("/s", "/"),
      `/s/${(((0xcbf29ce484222325n ^ 0x2fn) * 0x100000001b3n) & (2n ** 64n - 1n)).toString(16)}`,
    );
  });
  it("is the same for each spelling of a root, and another for another root", () => {
    assert.equal(rootDirectory("/s", "/run/runc/"), rootDirectory("/s", "/run/x/../runc"));
    assert.notEqual(rootDirectory("/s", "/run/runc"), rootDirectory("/s", "/run/docker/runtime-runc/moby"));
  });
});
