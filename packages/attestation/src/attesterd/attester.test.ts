import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { describe, it } from "node:test";
import { type ErrorCode, InclavareError, isInclavareError, type JsonValue, toWireError } from "@inclavare/errors";
import { encodeMessage, MessageDecoder } from "@inclavare/linux";
import { readCollateral } from "../../test/vectors.ts";
import { createSimulatedAttester } from "./attester.ts";
import { launchRequest, parseLaunchAnswer } from "./protocol.ts";

const IDENTITY = {
  mrEnclave: "aa".repeat(32),
  mrSigner: "bb".repeat(32),
  isvProdId: 1,
  isvSvn: 2,
  debug: false,
  manifestSha256: "cc".repeat(32),
  appImageSha256: "dd".repeat(32),
};

const REPORT_DATA = new Uint8Array(64).fill(5);

/** Answers each request of the stream; `undefined` leaves it unanswered. */
function answer(stream: Duplex, reply: (request: JsonValue) => JsonValue | undefined): JsonValue[] {
  const decoder = new MessageDecoder();
  const requests: JsonValue[] = [];
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => {
    for (const request of decoder.push(chunk)) {
      requests.push(request);
      const message = reply(request);
      if (message !== undefined) stream.write(encodeMessage(message));
    }
  });
  return requests;
}

async function rejectsWith(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => isInclavareError(error, code));
}

describe("createSimulatedAttester", () => {
  it("asks for identity and evidence, several at once and in order", async () => {
    const [ours, theirs] = duplexPair();
    const collateral = { ...readCollateral("sgx-01.collateral.json") };
    const requests = answer(theirs, (request) => {
      const { op, reportData } = request as { op: string; reportData?: string };
      return op === "identity" ? { ok: true, identity: IDENTITY } : { ok: true, quote: reportData ?? "", collateral };
    });
    const attester = createSimulatedAttester(ours);
    assert.equal(attester.tee, "simulated");
    const [identity, first, second] = await Promise.all([
      attester.identity(),
      attester.evidence(REPORT_DATA),
      attester.evidence(new Uint8Array(64)),
    ]);
    assert.deepEqual(identity, IDENTITY);
    assert.deepEqual([first.quote, second.quote], [REPORT_DATA, new Uint8Array(64)]);
    assert.deepEqual(first.collateral, collateral);
    assert.deepEqual(requests[1], { op: "evidence", reportData: Buffer.from(REPORT_DATA).toString("base64") });
    ours.destroy();
  });

  it("passes attesterd's own error on, and goes on working", async () => {
    const [ours, theirs] = duplexPair();
    const error = new InclavareError("ERR_LAUNCH", "nothing launched");
    let isFirst = true;
    answer(theirs, () => {
      const reply = isFirst ? { ok: false, error: { ...toWireError(error) } } : { ok: true, identity: IDENTITY };
      isFirst = false;
      return reply;
    });
    const attester = createSimulatedAttester(ours);
    await rejectsWith(attester.identity(), "ERR_LAUNCH");
    assert.deepEqual(await attester.identity(), IDENTITY);
    ours.destroy();
  });

  it("gives up after its deadline, and for good", async () => {
    const [ours, theirs] = duplexPair();
    answer(theirs, () => undefined);
    const attester = createSimulatedAttester(ours, { timeoutMs: 30 });
    await rejectsWith(attester.identity(), "ERR_DEADLINE");
    assert.ok(ours.destroyed);
    await rejectsWith(attester.identity(), "ERR_DEADLINE");
  });

  it("fails all that wait when the connection ends", async () => {
    const [ours, theirs] = duplexPair();
    answer(theirs, () => undefined);
    const attester = createSimulatedAttester(ours);
    const waiting = [attester.identity(), attester.evidence(REPORT_DATA)];
    theirs.end();
    for (const promise of waiting) await rejectsWith(promise, "ERR_ATTESTERD_UNREACHABLE");
  });

  it("refuses an answer that nobody asked for", async () => {
    const [ours, theirs] = duplexPair();
    answer(theirs, () => undefined);
    const attester = createSimulatedAttester(ours);
    theirs.write(encodeMessage({ ok: true }));
    await new Promise((resolve) => setImmediate(resolve));
    await rejectsWith(attester.identity(), "ERR_ATTESTERD_PROTOCOL");
  });

  it("refuses bytes that are no message", async () => {
    const [ours, theirs] = duplexPair();
    answer(theirs, () => undefined);
    const attester = createSimulatedAttester(ours);
    const waiting = attester.identity();
    theirs.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await rejectsWith(waiting, "ERR_MESSAGE");
  });

  for (const [what, reply] of [
    ["an identity without a hash", { ok: true, identity: { ...IDENTITY, mrEnclave: "aa" } }],
    ["no identity", { ok: true }],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const [ours, theirs] = duplexPair();
      answer(theirs, () => reply);
      const attester = createSimulatedAttester(ours);
      await rejectsWith(attester.identity(), "ERR_ATTESTERD_PROTOCOL");
      ours.destroy();
    });
  }

  it("refuses a quote that is not base64", async () => {
    const [ours, theirs] = duplexPair();
    answer(theirs, () => ({ ok: true, quote: "?" }));
    await rejectsWith(createSimulatedAttester(ours).evidence(REPORT_DATA), "ERR_ATTESTERD_PROTOCOL");
    ours.destroy();
  });

  it("refuses report data of another size without asking", async () => {
    const [ours, theirs] = duplexPair();
    const requests = answer(theirs, () => undefined);
    await rejectsWith(createSimulatedAttester(ours).evidence(new Uint8Array(32)), "ERR_ATTESTERD_PROTOCOL");
    assert.deepEqual(requests, []);
    ours.destroy();
  });
});

describe("launchRequest and parseLaunchAnswer", () => {
  it("name the container and read its identity", () => {
    assert.deepEqual(launchRequest({ container: "c1", enclaveDirectory: "/enclave" }), {
      op: "launch",
      container: "c1",
      enclaveDirectory: "/enclave",
    });
    assert.deepEqual(parseLaunchAnswer({ identity: IDENTITY }), IDENTITY);
  });
});
