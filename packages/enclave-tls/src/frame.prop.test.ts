import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { decodeFrameHeader, encodeFrame, FRAME_HEADER_BYTES, type FrameType } from "./frame.ts";
import { decodeRefusal, encodeRefusal } from "./refusal.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const types: FrameType[] = ["challenge", "evidence", "accept", "refuse"];

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
