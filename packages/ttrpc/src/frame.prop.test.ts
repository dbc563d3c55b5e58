import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeFrame, FrameDecoder } from "./frame.ts";

const frame = fc.record({
  streamId: fc.nat({ max: 0xffff_ffff }),
  type: fc.nat({ max: 255 }),
  flags: fc.nat({ max: 255 }),
  data: fc.uint8Array({ maxLength: 60 }),
});

describe("frames", () => {
  it("come out as they went in, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(encodeFrame));
          const decoder = new FrameDecoder();
          const out: unknown[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            out.push(...decoder.push(stream.subarray(at, at + size)));
            at += size;
          }
          const expected = frames.map((item) => ({ ...item, length: item.data.length }));
          assert.deepEqual(
            out.map((item) => toArray(item as { data: Uint8Array })),
            expected.map(toArray),
          );
        },
      ),
    );
  });
});

function toArray(item: { data: Uint8Array }): object {
  return { ...item, data: [...item.data] };
}
