import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { isInclavareError } from "@inclavare/errors";
import { formatJson, parseJson } from "./parse.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const how = { what: "input", code: "ERR_JSON", limitBytes: 1e6 } as const;

it("reads what JSON.stringify writes and writes it again", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom("", " ", "\t"), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      assert.equal(formatJson(parseJson(text, how)), JSON.stringify(value));
    }),
    { numRuns },
  );
});

it("accepts nothing that JSON.parse refuses", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"b"',
    "1",
    "-0.5e1",
    "true",
    "null",
    " ",
    "x",
    '"',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const text = parts.join("");
      try {
        const ours = parseJson(text, how);
        assert.equal(formatJson(ours), JSON.stringify(JSON.parse(text)));
      } catch (thrown) {
        assert.ok(isInclavareError(thrown, "ERR_JSON"));
      }
    }),
    { numRuns },
  );
});
