import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeFrame, FRAME_TYPE, FrameDecoder, MAX_DATA_BYTES } from "./frame.ts";
import { request, response } from "./messages.ts";
import { message, text, uint32 } from "./index.ts";

const hex = (words: string): Buffer => Buffer.from(words.replaceAll(/\s/gu, ""), "hex");

/** Recorded between containerd 1.6.20 and its own shim. */
const STATE_REQUEST = hex(`
  0000002a 0000000d 01 00 0a17 636f6e7461696e6572642e7461736b2e76322e5461736b 1205 5374617465 1a08 0a027433 12027831`);
const EMPTY_ANSWER = hex("00000000 0000000b 02 00");
const START_ANSWER = hex("00000005 00000011 02 00 1203 08926e");

describe("frames", () => {
  it("reads and writes a recorded request", () => {
    const [frame] = new FrameDecoder().push(STATE_REQUEST);
    assert.ok(frame?.data);
    assert.deepEqual([frame.streamId, frame.type, frame.flags], [13, FRAME_TYPE.request, 0]);
    const decoded = request.decode(frame.data);
    assert.deepEqual([decoded.service, decoded.method], ["containerd.task.v2.Task", "State"]);
    const state = message({ id: text(1), execId: text(2) });
    assert.deepEqual(state.decode(decoded.payload), { id: "t3", execId: "x1" });
    const payload = state.encode({ id: "t3", execId: "x1" });
    const data = request.encode({ service: "containerd.task.v2.Task", method: "State", payload });
    assert.deepEqual(encodeFrame({ streamId: 13, type: FRAME_TYPE.request, data }), STATE_REQUEST);
  });

  it("writes the recorded answers, the empty one without a body", () => {
    const empty = response.encode({});
    assert.deepEqual(encodeFrame({ streamId: 11, type: FRAME_TYPE.response, data: empty }), EMPTY_ANSWER);
    const started = response.encode({ payload: message({ pid: uint32(1) }).encode({ pid: 14098 }) });
    assert.deepEqual(encodeFrame({ streamId: 17, type: FRAME_TYPE.response, data: started }), START_ANSWER);
  });

  it("throws the data of a frame over the limit away and reads on", () => {
    const header = Buffer.alloc(10);
    header.writeUInt32BE(MAX_DATA_BYTES + 1, 0);
    header.writeUInt32BE(7, 4);
    header.writeUInt8(FRAME_TYPE.request, 8);
    const decoder = new FrameDecoder();
    assert.deepEqual(decoder.push(header), []);
    for (let left = MAX_DATA_BYTES; left > 0; left -= 1 << 20)
      assert.deepEqual(decoder.push(Buffer.alloc(1 << 20)), []);
    const [oversized, next] = decoder.push(Buffer.concat([Buffer.alloc(1), EMPTY_ANSWER]));
    assert.deepEqual(oversized, { streamId: 7, type: 1, flags: 0, length: MAX_DATA_BYTES + 1, data: undefined });
    assert.equal(next?.streamId, 11);
  });
});
