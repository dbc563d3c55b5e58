import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { removeMember, setMember } from "./edit.ts";

describe("setMember", () => {
  for (const [what, text, path, value, expected] of [
    ["fills an empty object", "{}", ["a"], { b: 1 }, '{\n  "a": {\n    "b": 1\n  }\n}'],
    ["keeps the last line's end", "{ }\n", ["a"], 1, '{\n  "a": 1\n}\n'],
    ["follows four spaces", '{\n    "a": 1\n}', ["b"], [1], '{\n    "a": 1,\n    "b": [\n        1\n    ]\n}'],
    ["follows tabs", '{\n\t"a": {}\n}', ["a", "b"], 2, '{\n\t"a": {\n\t\t"b": 2\n\t}\n}'],
    ["follows CRLF", '{\r\n  "a": 1\r\n}\r\n', ["b"], 2, '{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n'],
    ["stays in one line", '{"a":{"b":1}}', ["a", "c"], { d: 2 }, '{"a":{"b":1,"c":{"d":2}}}'],
    ["keeps spaces in one line", '{"a": 1, "b": 2}', ["c"], { d: 1 }, '{"a": 1, "b": 2, "c": { "d": 1 }}'],
    ["keeps an inner object's one line", '{\n  "a": {"b": 1}\n}', ["a", "c"], 2, '{\n  "a": {"b": 1, "c": 2}\n}'],
    ["replaces a value in place", '{"a": [1, "]}"], "b": 2}', ["a"], "x", '{"a": "x", "b": 2}'],
    ["is not led astray by strings", '{"}": "\\"{", "a": {}}', ["a"], 1, '{"}": "\\"{", "a": 1}'],
    ["takes no empty line along", '{\n  "a": 1,\n\n  "b": 2\n}', ["c"], 3, '{\n  "a": 1,\n\n  "b": 2,\n  "c": 3\n}'],
  ] as const) {
    it(what, () => assert.equal(setMember(text, path, value), expected));
  }
});

describe("removeMember", () => {
  for (const [what, text, path, expected] of [
    ["the first", '{\n  "a": 1,\n  "b": 2\n}', ["a"], '{\n  "b": 2\n}'],
    ["one between", '{"a":1, "b":2, "c":3}', ["b"], '{"a":1, "c":3}'],
    ["the last", '{\n  "a": 1,\n  "b": 2\n}', ["b"], '{\n  "a": 1\n}'],
    ["the only one", '{ "a": { "b": 1 } }', ["a", "b"], '{ "a": {} }'],
    ["a name with an escape", '{"\\u0061": 1}', ["a"], "{}"],
    ["nothing", '{"a": 1}', ["b"], '{"a": 1}'],
  ] as const) {
    it(what, () => assert.equal(removeMember(text, path), expected));
  }
});
