import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { parseManifest } from "../src/index.ts";

it("docs/enclave-manifest.md shows a sound manifest and describes every member", () => {
  const text = readFileSync(new URL("../../../docs/enclave-manifest.md", import.meta.url), "utf8");
  const [, example = ""] = /```json\n([^`]*)```/u.exec(text) ?? [];
  const manifest = parseManifest(Buffer.from(example), "example");
  for (const name of Object.keys(manifest))
    assert.match(text, new RegExp(`^\\| .*\`${name}(?:\\.\\w+)?\``, "mu"), name);
});
