import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { parseControlRequest } from "./requests.ts";

const process = { args: ["/a b", ""], env: ["X=1 2"], cwd: "/", terminal: false };

describe("parseControlRequest", () => {
  it("keeps arguments as they are, empty and with spaces", () => {
    assert.deepEqual(parseControlRequest({ op: "exec", process }), { op: "exec", process });
  });

  for (const [what, message] of [
    ["no object", "start"],
    ["an unknown operation", { op: "dance" }],
    ["a signal out of range", { op: "kill", signal: 65 }],
    ["a signal that is no integer", { op: "kill", signal: "TERM" }],
    ["arguments in one string", { op: "exec", process: { ...process, args: "a b" } }],
    ["a NUL in an argument", { op: "exec", process: { ...process, args: ["a\0b"] } }],
    ["no process", { op: "exec" }],
  ] as const) {
    it(`refuses ${what} with ERR_CONTROL_REQUEST`, () => {
      assert.throws(() => parseControlRequest(message), { code: "ERR_CONTROL_REQUEST" });
    });
  }

  it("takes or refuses anything, with a code", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parseControlRequest(value as never);
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_CONTROL_REQUEST"));
        }
      }),
    );
  });
});
