import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { decodeFrameHeader, encodeFrame, FRAME_HEADER_BYTES, type FrameType } from "./frame.ts";
import { FrameParser, type ParsedFrame } from "./frame-parser.ts";
import { decodeRefusal, encodeRefusal } from "./refusal.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const types: FrameType[] = ["challenge", "evidence", "accept", "refuse", "data", "end"];

/** Frames that a receiver takes. */
const frame = fc.oneof(
  fc.record({ type: fc.constant("challenge" as const), body: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
  fc.record({ type: fc.constantFrom("evidence" as const, "refuse" as const), body: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant("data" as const), body: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
  fc.record({ type: fc.constantFrom("accept" as const, "end" as const), body: fc.constant(new Uint8Array(0)) }),
);

/** Neighbouring parts of data are one stream; every other frame stands for itself. */
function joined(frames: readonly ParsedFrame[]): ParsedFrame[] {
  const result: ParsedFrame[] = [];
  for (const { type, body } of frames) {
    const last = result.at(-1);
    if (type === "data" && last?.type === "data") {
      result[result.length - 1] = { type, body: Uint8Array.from([...last.body, ...body]) };
    } else result.push({ type, body: Uint8Array.from(body) });
  }
  return result;
}

describe("frames", () => {
  it("come back as they were written, or are refused with ERR_TLS_PROTOCOL on both sides", () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 5000 }), (type, body) => {
        let frame: Uint8Array;
        try {
          frame = encodeFrame(type, body);
        } catch (error) {
          return isInclavareError(error, "ERR_TLS_PROTOCOL");
        }
        const header = decodeFrameHeader(frame.subarray(0, FRAME_HEADER_BYTES));
        assert.deepEqual(header, { type, bodyBytes: body.length });
        assert.deepEqual(frame.subarray(FRAME_HEADER_BYTES), body);
        return true;
      }),
      { numRuns },
    );
  });

  it("any header is a frame or ERR_TLS_PROTOCOL", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
        try {
          return decodeFrameHeader(bytes).bodyBytes <= 1 << 20;
        } catch (error) {
          return isInclavareError(error, "ERR_TLS_PROTOCOL");
        }
      }),
      { numRuns },
    );
  });
});

describe("FrameParser", () => {
  it("finds the same frames however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ type, body }) => encodeFrame(type, body)));
        const parser = new FrameParser();
        const found: ParsedFrame[] = [];
        for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
          const size = cuts[turn % Math.max(cuts.length, 1)] ?? bytes.length;
          found.push(...parser.push(bytes.subarray(offset, offset + size)));
          offset += size;
        }
        assert.deepEqual(joined(found), joined(frames));
      }),
      { numRuns },
    );
  });

  it("makes frames or ERR_TLS_PROTOCOL of any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (chunks) => {
        const parser = new FrameParser();
        try {
          for (const chunk of chunks) for (const { type } of parser.push(chunk)) assert.ok(types.includes(type));
          return true;
        } catch (error) {
          return isInclavareError(error, "ERR_TLS_PROTOCOL");
        }
      }),
      { numRuns },
    );
  });
});

describe("decodeRefusal", () => {
  it("makes ERR_TLS_REFUSED_BY_PEER of any bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (bytes) => decodeRefusal(bytes).code === "ERR_TLS_REFUSED_BY_PEER",
      ),
      { numRuns },
    );
  });

  it("reads whatever reason the other side gave", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (message) => {
        const body = encodeRefusal(new InclavareError("ERR_TLS_PROOF", message));
        encodeFrame("refuse", body);
        assert.equal(decodeRefusal(body).details["code"], "ERR_TLS_PROOF");
      }),
      { numRuns },
    );
  });
});
