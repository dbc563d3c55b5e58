import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isInclavareError } from "@inclavare/errors";
import { assertCleanPath, cleanPath, sortByPath } from "./path.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);

describe("cleanPath", () => {
  const cases: Record<string, string> = {
    "etc/hosts": "/etc/hosts",
    "./etc/hosts": "/etc/hosts",
    "/etc//hosts": "/etc/hosts",
    "etc/./hosts/": "/etc/hosts",
    ".": "/",
    "./": "/",
    "/": "/",
    "..a/b..": "/..a/b..",
    "...": "/...",
  };
  for (const [name, path] of Object.entries(cases))
    it(`makes ${name} into ${path}`, () => assert.equal(cleanPath(name, "x"), path));

  for (const name of ["", "..", "../a", "a/..", "a/../b", "/..", "./../a"]) {
    it(`refuses ${JSON.stringify(name)} with ERR_OCI_LAYER_PATH`, () => {
      assert.throws(() => cleanPath(name, "x"), { code: "ERR_OCI_LAYER_PATH" });
    });
  }

  it("refuses what Linux could not hold with ERR_OCI_LIMIT", () => {
    assert.throws(() => cleanPath("a".repeat(256), "x"), { code: "ERR_OCI_LIMIT" });
    assert.throws(() => cleanPath("ä".repeat(128), "x"), { code: "ERR_OCI_LIMIT" });
    assert.throws(() => cleanPath("a/".repeat(2048), "x"), { code: "ERR_OCI_LIMIT" });
    assert.equal(cleanPath("a".repeat(255), "x").length, 256);
  });

  it("gives for any name a path that is clean, inside, and its own fixed point, or a coded error", () => {
    const name = fc
      .array(fc.constantFrom("a", "..", ".", "", "b.c", "...", "ä"), { maxLength: 6 })
      .map((parts) => parts.join("/"));
    fc.assert(
      fc.property(fc.oneof(name, fc.string()), (text) => {
        try {
          const path = cleanPath(text, "x");
          assert.match(path, /^\//u);
          assert.equal(path.split("/").includes(".."), false);
          assert.equal(cleanPath(path, "x"), path);
          if (!text.includes("\0")) assertCleanPath(path);
        } catch (thrown) {
          assert.ok(isInclavareError(thrown));
        }
      }),
      { numRuns },
    );
  });
});

describe("sortByPath", () => {
  it("puts a directory right before what is in it", () => {
    const paths = ["/a-b", "/a/c", "/", "/a", "/b", "/a/b/c", "/a/b"];
    assert.deepEqual(
      sortByPath(paths.map((path) => ({ path }))).map(({ path }) => path),
      ["/", "/a", "/a/b", "/a/b/c", "/a/c", "/a-b", "/b"],
    );
  });
});
