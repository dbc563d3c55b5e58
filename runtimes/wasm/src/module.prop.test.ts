import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { assertCoreModule, assertMemory } from "./module.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function check(bytes: Uint8Array): void {
  try {
    assertCoreModule(bytes, "test");
    assertMemory(bytes, "test", 1 << 20);
  } catch (error) {
    assert.ok(isInclavareError(error), String(error));
  }
}

describe("checks of a module", () => {
  it("accept any bytes or refuse them with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        check(bytes);
        check(Uint8Array.of(...HEADER, ...bytes));
        check(Uint8Array.of(...HEADER, 5, ...bytes));
      }),
      { numRuns },
    );
  });

  it("find the memory behind any sections, whatever its size", () => {
    const section = fc.record({ id: fc.constantFrom(0, 1, 3, 4, 11), content: fc.uint8Array({ maxLength: 50 }) });
    fc.assert(
      fc.property(fc.array(section, { maxLength: 5 }), fc.integer({ min: 0, max: 65536 }), (sections, pages) => {
        const before = sections.flatMap(({ id, content }) => [id, content.length, ...content]);
        const low = [(pages & 0x7f) | 0x80, ((pages >> 7) & 0x7f) | 0x80, pages >> 14];
        const bytes = Uint8Array.of(...HEADER, ...before, 5, 5, 1, 0, ...low);
        const fits = pages * 65536 <= 1 << 20;
        if (fits) assertMemory(bytes, "test", 1 << 20);
        else assert.throws(() => assertMemory(bytes, "test", 1 << 20), { code: "ERR_WASM_MEMORY" });
      }),
      { numRuns },
    );
  });
});
