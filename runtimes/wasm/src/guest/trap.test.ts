import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeTrap } from "./trap.ts";

function trapOf(message: string, stack: string): Error {
  return Object.assign(new Error(message), { stack });
}

describe("describeTrap", () => {
  it("names cause, function and place", () => {
    const stack =
      "RuntimeError: unreachable\n    at main (wasm://wasm/0a1b:wasm-function[5]:0x7b)\n    at execute (x.ts:1:1)";
    assert.equal(
      describeTrap(trapOf("unreachable", stack)),
      "unreachable instruction executed in main, function 5 at 0x7b",
    );
  });

  it("does without what it does not know", () => {
    assert.equal(describeTrap(trapOf("divide by zero", "no frames")), "divide by zero");
    assert.equal(describeTrap({}), "uncaught exception");
  });

  it("is one line, whatever the guest calls its functions", () => {
    const stack = "E: x\n    at \u001b[2Jevil (wasm://wasm/0a:wasm-function[1]:0x2)";
    const text = describeTrap(trapOf(`a\nb${"c".repeat(1000)}`, stack));
    assert.match(text, /^\P{Cc}{1,500}$/u);
  });
});
