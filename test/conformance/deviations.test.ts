import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..");

function names(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))].toSorted();
}

describe("conformance: the table of deviations", () => {
  it("has a row for each that a test proves, and no other", () => {
    const tests = globSync("*.test.ts", { cwd: import.meta.dirname }).map((name) =>
      readFileSync(join(import.meta.dirname, name), "utf8"),
    );
    const table = readFileSync(join(root, "docs", "spec-conformance.md"), "utf8");
    assert.deepEqual(names(tests.join(""), /because: "([A-Za-z-]+)"/gu), names(table, /^\| `([^`]+)` \|/gmu));
  });
});
