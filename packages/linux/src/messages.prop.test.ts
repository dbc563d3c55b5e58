import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { encodeMessage, MessageDecoder } from "./index.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);

/** What JSON keeps: no negative zero. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as never);

describe("messages", () => {
  it("come out as they went in, however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 5 }), fc.array(fc.nat({ max: 40 }), { minLength: 1 }), (values, cuts) => {
        const stream = Buffer.concat(values.map(encodeMessage));
        const decoder = new MessageDecoder();
        const out: unknown[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = Math.max(1, cuts[turn % cuts.length] ?? 1);
          out.push(...decoder.push(stream.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(out, values);
      }),
      { numRuns },
    );
  });

  it("any bytes give messages or ERR_MESSAGE", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          new MessageDecoder(1024).push(bytes);
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_MESSAGE"));
        }
      }),
      { numRuns },
    );
  });

  it("are taken in any number from one chunk, and a large one byte by byte, without delay", () => {
    const started = performance.now();
    const many = Buffer.concat(Array.from({ length: 20_000 }, () => encodeMessage(1)));
    assert.equal(new MessageDecoder().push(many).length, 20_000);
    const large = encodeMessage("x".repeat(1 << 18));
    const decoder = new MessageDecoder();
    let got = 0;
    for (const byte of large) got += decoder.push(Uint8Array.of(byte)).length;
    assert.equal(got, 1);
    assert.ok(performance.now() - started < 5_000);
  });

  it("refuses a length over the limit before the body has come", () => {
    const header = Buffer.from([0, 0, 0, 17]);
    assert.throws(() => new MessageDecoder(16).push(header), { code: "ERR_MESSAGE" });
  });
});
