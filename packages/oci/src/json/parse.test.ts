import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatJson, parseJson, type WideJson } from "./parse.ts";

const WIDE = { what: "input", code: "ERR_JSON", limitBytes: 1e7 } as const;

function parse(input: string | Uint8Array): WideJson {
  return parseJson(input, { what: "input", code: "ERR_JSON", limitBytes: 1000 });
}

describe("parseJson", () => {
  it("keeps integers that a double cannot hold", () => {
    assert.deepEqual(parse("[9007199254740991, 9007199254740993, -18446744073709551615]"), [
      9007199254740991,
      9007199254740993n,
      -18446744073709551615n,
    ]);
    assert.equal(formatJson({ a: 9007199254740993n }), '{"a":9007199254740993}');
  });

  it("takes __proto__ for a name like any other", () => {
    const value = parse('{"__proto__":{"a":1}}');
    assert.deepEqual(Object.keys(value as object), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });

  it("refuses more values, and longer numbers, than anybody writes, without delay", () => {
    for (const input of [`[${"0,".repeat(4e6)}0]`, "9".repeat(9e6)])
      assert.throws(() => parseJson(input, WIDE), { code: "ERR_JSON", message: /expected .*at most/u });
  });

  const bad = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    "{",
    "[1,]",
    "[,1]",
    '{"a"}',
    "{a:1}",
    "01",
    "1.",
    "+1",
    "-",
    "nul",
    '"a',
    '"\\x"',
    '"a\nb"',
    "1e999",
    "1 2",
    "",
    "\u{feff}1",
    `"${"a".repeat(1000)}"`,
    "[".repeat(200),
    new Uint8Array([0x22, 0xc3, 0x22]),
  ];
  for (const input of bad) {
    it(`refuses ${JSON.stringify(input).slice(0, 40)} with the code that was given`, () => {
      assert.throws(() => parse(input), { code: "ERR_JSON" });
    });
  }
});
