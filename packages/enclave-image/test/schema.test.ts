import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { it } from "node:test";
import { manifestSchema } from "../src/manifest/schema.ts";
import { toJsonSchema } from "./json-schema.ts";

const FILE = new URL("../schema/enclave.schema.json", import.meta.url);

it("schema/enclave.schema.json says what the checks do; UPDATE_SCHEMA=1 writes it anew", () => {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Enclave manifest",
    description: "What runs in an enclave and what may reach it from outside. See docs/enclave-manifest.md.",
    ...toJsonSchema(manifestSchema),
  };
  const text = `${JSON.stringify(schema, undefined, 2)}\n`;
  if (process.env["UPDATE_SCHEMA"] === "1") writeFileSync(FILE, text);
  assert.equal(readFileSync(FILE, "utf8"), text);
});
