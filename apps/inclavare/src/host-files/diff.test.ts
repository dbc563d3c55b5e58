import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDiff } from "./diff.ts";

describe("formatDiff", () => {
  it("shows one hunk with three lines around it", () => {
    const before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    const expected = "--- f\n+++ f\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+V\n 6\n 7\n 8\n";
    assert.equal(formatDiff("f", before, before.replace("5", "five\nV")), expected);
  });

  it("is empty where nothing differs", () => assert.equal(formatDiff("f", "a\n", "a\n"), ""));

  it("knows files that come and go, and a last line without an end", () => {
    assert.equal(formatDiff("f", undefined, "a\n"), "--- /dev/null\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
    assert.equal(
      formatDiff("f", "a", undefined),
      "--- f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n\\ No newline at end of file\n",
    );
  });
});
