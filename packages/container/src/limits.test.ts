import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertLimits, parseSize } from "./limits.ts";

describe("limits", () => {
  it("below what init-runelet needs are refused with the figure, none and enough pass", () => {
    assert.throws(() => assertLimits({ pids: { limit: 23 } }), { code: "ERR_PIDS_LIMIT" });
    assert.throws(() => assertLimits({ memory: { limit: (32 << 20) - 1 } }), { code: "ERR_MEMORY_LIMIT" });
    for (const limit of [-1, 0, 32 << 20]) assertLimits({ memory: { limit } });
    for (const limit of [-1, 0, 24]) assertLimits({ pids: { limit } });
    assertLimits({});
  });

  for (const [text, bytes] of [
    ["0", 0],
    ["12345", 12345],
    ["12b", 12],
    ["16m", 16 << 20],
    ["16M", 16 << 20],
    ["16mb", 16 << 20],
    ["16 MiB", 16 << 20],
    ["1.5k", 1536],
    ["1g", 1 << 30],
    ["-1", 0],
    ["1x", 0],
    ["", 0],
    ["16bb", 0],
  ] as const) {
    it(`${JSON.stringify(text)} is ${bytes} bytes`, () => assert.equal(parseSize(text), bytes));
  }
});
