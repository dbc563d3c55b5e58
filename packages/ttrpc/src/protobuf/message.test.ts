import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { int32, int64, message, nested, repeated, text, uint32 } from "../index.ts";
import { MAX_ENTRIES } from "./fields.ts";

const hex = (words: string): Buffer => Buffer.from(words.replaceAll(/\s/gu, ""), "hex");
const malformed = { name: "TtrpcError", status: 3 };

describe("message", () => {
  it("writes Go's zero time in the recorded ten bytes", () => {
    const timestamp = message({ seconds: int64(1), nanos: int32(2) });
    const state = message({ exitedAt: nested(10, timestamp) });
    assert.deepEqual(
      Buffer.from(state.encode({ exitedAt: { seconds: -62135596800n, nanos: 0 } })),
      hex("520b 0880 92b8 c398 feff ffff 01"),
    );
  });

  it("leaves initial values out and brings them back", () => {
    const codec = message({ id: text(1), pid: uint32(2), names: repeated(text(3)) });
    assert.equal(codec.encode({ id: "", pid: 0, names: [] }).length, 0);
    assert.deepEqual(codec.decode(new Uint8Array()), { id: "", pid: 0, names: [] });
  });

  it("passes over fields of every wire type that it does not know", () => {
    const codec = message({ id: text(1) });
    const unknown = hex("10 ff01  19 0000000000000000  22 02 abcd  2d 00000000");
    assert.deepEqual(codec.decode(Buffer.concat([unknown, codec.encode({ id: "x" })])), { id: "x" });
  });

  it("reads numbers packed and not", () => {
    const codec = message({ values: repeated(uint32(1)) });
    assert.deepEqual(codec.decode(hex("0a 03 01 9601 08 07")), { values: [1, 150, 7] });
  });

  it("keeps a decoded message apart from the next one", () => {
    const codec = message({ names: repeated(text(1)) });
    codec.decode(codec.encode({ names: ["a"] }));
    assert.deepEqual(codec.decode(new Uint8Array()), { names: [] });
  });

  for (const [what, bytes] of [
    ["field number 0", "00 01"],
    ["a group", "0b"],
    ["a length beyond the end", "0a 05 61"],
    ["a varint without an end", "10 ff"],
    ["a varint of eleven bytes", `10 ${"ff".repeat(10)} 01`],
    ["the wrong wire type", "08 01"],
    ["text that is not UTF-8", "0a 01 ff"],
  ] as const) {
    it(`refuses ${what}`, () =>
      assert.throws(() => message({ id: text(1), pid: uint32(2) }).decode(hex(bytes)), malformed));
  }

  it("refuses more entries than a message may have", () => {
    const codec = message({ names: repeated(text(1)) });
    assert.throws(() => codec.decode(Buffer.alloc(2 * (MAX_ENTRIES + 1), hex("0a00"))), malformed);
  });
});
