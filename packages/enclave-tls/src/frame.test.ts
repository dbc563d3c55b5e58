import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InclavareError } from "@inclavare/errors";
import { decodeFrameHeader, encodeFrame } from "./frame.ts";
import { decodeRefusal, encodeRefusal } from "./refusal.ts";

const protocolError = { code: "ERR_TLS_PROTOCOL" };

describe("decodeFrameHeader", () => {
  for (const [what, bytes] of [
    ["an unknown type", [0, 0, 0, 0, 0]],
    ["a type beyond the last", [7, 0, 0, 0, 0]],
    ["a challenge of 31 bytes", [1, 0, 0, 0, 31]],
    ["a challenge of 33 bytes", [1, 0, 0, 0, 33]],
    ["evidence beyond 1 MiB", [2, 0, 0x10, 0, 1]],
    ["an accept with a body", [3, 0, 0, 0, 1]],
    ["a refusal beyond 4 KiB", [4, 0, 0, 0x10, 1]],
    ["data without bytes", [5, 0, 0, 0, 0]],
    ["data beyond 64 KiB", [5, 0, 1, 0, 1]],
    ["an end with a body", [6, 0, 0, 0, 1]],
    ["a length of 4 GiB", [2, 0xff, 0xff, 0xff, 0xff]],
    ["a short header", [3, 0, 0, 0]],
  ] as const) {
    it(`rejects ${what} with ERR_TLS_PROTOCOL`, () => {
      assert.throws(() => decodeFrameHeader(Uint8Array.from(bytes)), protocolError);
    });
  }

  it("takes the largest evidence", () => {
    assert.deepEqual(decodeFrameHeader(Uint8Array.of(2, 0, 0x10, 0, 0)), { type: "evidence", bodyBytes: 1 << 20 });
  });
});

describe("encodeFrame", () => {
  it("writes type and length, big-endian", () => {
    assert.deepEqual([...encodeFrame("accept")], [3, 0, 0, 0, 0]);
    assert.deepEqual([...encodeFrame("refuse", Uint8Array.of(7, 8))], [4, 0, 0, 0, 2, 7, 8]);
  });

  it("writes nothing that a receiver would reject", () => {
    assert.throws(() => encodeFrame("challenge", new Uint8Array(16)), protocolError);
  });
});

describe("refusals", () => {
  it("carry the code and the message, not the cause", () => {
    const reason = new InclavareError("ERR_TLS_PROOF_ROLE", "role is client", { cause: new Error("inner") });
    const body = encodeRefusal(reason);
    assert.equal(Buffer.from(body).toString(), '{"code":"ERR_TLS_PROOF_ROLE","message":"role is client"}');
    assert.deepEqual(decodeRefusal(body).details, { code: "ERR_TLS_PROOF_ROLE", message: "role is client" });
  });

  it("tell nothing of an internal fault but that there was one", () => {
    const details = { code: "ERR_INTERNAL", message: "internal fault" };
    assert.deepEqual(decodeRefusal(encodeRefusal(new Error("/etc/secret is missing"))).details, details);
  });

  it("bring no control characters to the other side's terminal", () => {
    const body = Buffer.from(JSON.stringify({ code: "ERR_X\u001b[2J", message: "a\u001b[31mb\nc" }));
    assert.deepEqual(decodeRefusal(body).details, { code: "ERR_TLS_PROTOCOL", message: "a [31mb c" });
  });
});
