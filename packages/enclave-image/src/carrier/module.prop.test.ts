import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { InclavareError } from "@inclavare/errors";
import { EMPTY_COMMAND } from "../../test/fixtures.ts";
import { assertWasmCommand } from "./module.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);

it("a module of any bytes is taken or refused with ERR_IMAGE_NOT_WASM", () => {
  const preamble = EMPTY_COMMAND.subarray(0, 8);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.uint8Array({ maxLength: 64 }).map((rest) => Buffer.concat([preamble, rest])),
    fc.tuple(fc.nat(EMPTY_COMMAND.length - 1), fc.nat(255)).map(([at, value]) => {
      const altered = Uint8Array.from(EMPTY_COMMAND);
      altered[at] = value;
      return altered;
    }),
    fc.nat(EMPTY_COMMAND.length).map((length) => EMPTY_COMMAND.subarray(0, length)),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      try {
        assertWasmCommand(value, "module");
      } catch (error) {
        assert.ok(error instanceof InclavareError && error.code === "ERR_IMAGE_NOT_WASM", String(error));
      }
    }),
    { numRuns },
  );
});
