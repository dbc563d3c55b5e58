import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError, type JsonValue } from "@inclavare/errors";
import { encodeMessage, MessageDecoder } from "@inclavare/linux";
import fc from "fast-check";
import { parseControlRequest } from "../../apps/runelet/src/requests.ts";
import { editedJson } from "../support/edited-json.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 500);

const text = fc.string().map((value) => value.replaceAll("\0", ""));
const plain = { noNullPrototype: true };
const asked = fc.record({ args: fc.array(text), env: fc.array(text), cwd: text, terminal: fc.boolean() }, plain);
const init = fc.record({ containerId: text, runtime: text, runtimeArgs: text, logLevel: text, process: asked }, plain);
const requests = fc.oneof(
  fc.record({ op: fc.constantFrom("start", "state") }, plain),
  fc.record({ op: fc.constant("kill"), signal: fc.integer({ min: 1, max: 64 }), all: fc.boolean() }, plain),
  fc.record({ op: fc.constant("attest"), nonce: text }, plain),
  fc.record({ op: fc.constant("exec"), process: asked }, plain),
  fc.record({ op: fc.constant("init"), request: init }, plain),
);
const wrong = requests.chain((request) => editedJson(request, ["init", "start", "kill", "exec", 65]));

/** What init-runelet makes of a stream: requests, until one message breaks the protocol. */
function receive(stream: Uint8Array, cuts: readonly number[]): unknown[] {
  const decoder = new MessageDecoder();
  const received: unknown[] = [];
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = 1 + (cuts[turn % cuts.length] ?? 0);
    for (const message of decoder.push(stream.subarray(at, at + size))) received.push(answer(message));
    at += size;
  }
  return received;
}

function answer(message: JsonValue): unknown {
  try {
    return parseControlRequest(message);
  } catch (error) {
    assert.ok(isInclavareError(error, "ERR_CONTROL_REQUEST"), String(error));
    assert.ok(error.message.length < 4096);
    return undefined;
  }
}

describe("control messages", () => {
  const cuts = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 5 });

  it("arrive as they were sent, however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(requests, { maxLength: 4 }), cuts, (sent, how) => {
        const stream = Buffer.concat(sent.map((request) => encodeMessage(request as JsonValue)));
        assert.deepEqual(receive(stream, how), sent);
      }),
      { numRuns },
    );
  });

  it("that are wrong in any way are answered with ERR_CONTROL_REQUEST, and the next one is served", () => {
    fc.assert(
      fc.property(wrong, cuts, (message, how) => {
        const stream = Buffer.concat([encodeMessage(message as JsonValue), encodeMessage({ op: "state" })]);
        assert.deepEqual(receive(stream, how).at(-1), { op: "state" });
      }),
      { numRuns },
    );
  });

  it("of any bytes end with ERR_MESSAGE at the worst", () => {
    const damage = fc.array(fc.record({ at: fc.nat({ max: 400 }), byte: fc.nat({ max: 255 }) }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.oneof(requests, wrong), damage, cuts, (message, changes, how) => {
        const stream = encodeMessage(message as JsonValue);
        for (const { at, byte } of changes) stream[at % stream.length] = byte;
        try {
          receive(stream, how);
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_MESSAGE"), String(error));
        }
      }),
      { numRuns },
    );
  });
});
