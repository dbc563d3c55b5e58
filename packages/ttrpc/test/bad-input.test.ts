import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Duplex, duplexPair } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { createClient, createServer, unary } from "../src/index.ts";
import { encodeFrame, type Frame, FRAME_TYPE, FrameDecoder } from "../src/frame.ts";
import { request, response } from "../src/messages.ts";
import { METHODS, note, remote } from "./echo.ts";

const services = {
  "test.v1.Notes": { Echo: unary(note, note, METHODS.Echo), Produce: unary(note, note, METHODS.Produce) },
};

/** The bare end of a connection to a server. */
class Peer implements AsyncDisposable {
  readonly server = createServer({ services });
  readonly stream: Duplex;
  readonly #frames: Frame[] = [];
  readonly #decoder = new FrameDecoder();

  constructor() {
    const [near, far] = duplexPair();
    this.stream = near;
    this.server.serve(far);
  }

  read(): this {
    this.stream.on("data", (chunk: Uint8Array) => this.#frames.push(...this.#decoder.push(chunk)));
    return this;
  }

  send(streamId: number, options: { type?: number; flags?: number; data?: Uint8Array; method?: string } = {}): void {
    const { type = FRAME_TYPE.request, flags = 0, method = "Echo" } = options;
    const data =
      options.data ?? request.encode({ service: "test.v1.Notes", method, payload: note.encode({ text: "x" }) });
    this.stream.write(encodeFrame({ streamId, type, flags, data }));
  }

  /** Stream and status of the next answers; -1 stands for a response that cannot be decoded. */
  async answers(count: number): Promise<[number, number][]> {
    for (const deadline = Date.now() + 5_000; this.#frames.length < count; await sleep(1))
      if (Date.now() > deadline) throw new Error(`${this.#frames.length} of ${count} answers came`);
    return this.#frames
      .splice(0, count)
      .map(({ streamId, data }) => [streamId, response.decode(data ?? new Uint8Array()).status?.code ?? 0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy();
    await this.server.close({ deadlineMs: 0 });
  }
}

describe("a server", () => {
  it("refuses even, repeated and earlier stream ids with 3 and serves on", async () => {
    await using peer = new Peer().read();
    for (const id of [2, 5, 5, 3, 0, 7]) peer.send(id);
    const answers = await peer.answers(6);
    assert.deepEqual(answers.toSorted(byStream), [
      [0, 3],
      [2, 3],
      [3, 3],
      [5, 0],
      [5, 3],
      [7, 0],
    ]);
  });

  it("refuses data without a stream with 3, streams with 12, garbage with 3, and ignores other frames", async () => {
    await using peer = new Peer().read();
    peer.send(1, { type: FRAME_TYPE.data });
    peer.send(3, { flags: 1 });
    peer.send(5, { flags: 2 });
    peer.send(7, { data: Buffer.from("garbage") });
    peer.send(9, { type: 77 });
    peer.send(11, { type: FRAME_TYPE.response });
    peer.send(13);
    assert.deepEqual((await peer.answers(5)).toSorted(byStream), [
      [1, 3],
      [3, 12],
      [5, 12],
      [7, 3],
      [13, 0],
    ]);
  });

  it("answers an oversized frame with 8 and keeps the connection", async () => {
    await using peer = new Peer().read();
    peer.send(1, { data: Buffer.alloc((4 << 20) + 1) });
    peer.send(3);
    assert.deepEqual(await peer.answers(2), [
      [1, 8],
      [3, 0],
    ]);
  });

  it("survives a half frame and a closed connection", async () => {
    await using peer = new Peer().read();
    const frame = encodeFrame({
      streamId: 1,
      type: FRAME_TYPE.request,
      data: request.encode({ service: "test.v1.Notes" }),
    });
    peer.stream.write(frame.subarray(0, 15));
    await sleep(5);
    peer.stream.end();
    for (const deadline = Date.now() + 2_000; peer.server.connections > 0; await sleep(1))
      assert.ok(Date.now() < deadline, "the connection is still there");
  });

  it("stops reading from a peer that does not read its answers", async () => {
    let handled = 0;
    const produce = unary(note, note, (value) => {
      handled += 1;
      return METHODS.Produce(value);
    });
    const [near, far] = duplexPair();
    await using server = createServer({ services: { "test.v1.Notes": { Produce: produce } } });
    server.serve(far);
    const payload = note.encode({ delayMs: 1 << 20 });
    const data = request.encode({ service: "test.v1.Notes", method: "Produce", payload });
    for (let streamId = 1; streamId < 200; streamId += 2) {
      near.write(encodeFrame({ streamId, type: FRAME_TYPE.request, data }));
      await sleep(0);
    }
    assert.ok(handled > 0 && handled < 20, `${handled} requests of a megabyte each were handled`);
    assert.equal(server.connections, 1);
    const decoder = new FrameDecoder();
    const answers: Frame[] = [];
    near.on("data", (chunk: Uint8Array) => answers.push(...decoder.push(chunk)));
    for (const deadline = Date.now() + 5_000; answers.length < 100; await sleep(1))
      assert.ok(Date.now() < deadline, `${answers.length} of 100 were answered once the peer read`);
    const codes = new Set(answers.map(({ data }) => response.decode(data ?? new Uint8Array()).status?.code ?? 0));
    assert.deepEqual(codes, new Set([0, 8]), "what was too much to hold is refused, nothing is lost");
    near.destroy();
  });

  it("never throws and never hangs, whatever comes", async () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .record({
          streamId: fc.nat({ max: 9 }),
          type: fc.nat({ max: 4 }),
          flags: fc.nat({ max: 5 }),
          data: fc.oneof(
            fc.uint8Array({ maxLength: 30 }),
            fc
              .record({
                service: fc.constant("test.v1.Notes"),
                method: fc.constantFrom("Echo", "x"),
                payload: fc.uint8Array(),
              })
              .map((value) => request.encode(value)),
          ),
        })
        .map((frame) => new Uint8Array(encodeFrame(frame))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 8 }), async (chunks) => {
        await using peer = new Peer().read();
        for (const bytes of chunks) peer.stream.write(bytes);
        await sleep(0);
        peer.stream.end();
      }),
    );
  });
});

describe("a client", () => {
  it("gets an answer or a TtrpcError, whatever comes", async () => {
    const answer = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .record({
          streamId: fc.nat({ max: 3 }),
          type: fc.nat({ max: 4 }),
          flags: fc.nat({ max: 5 }),
          data: fc.uint8Array({ maxLength: 30 }),
        })
        .map((frame) => new Uint8Array(encodeFrame(frame))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { maxLength: 6 }), async (chunks) => {
        const [near, far] = duplexPair();
        using client = createClient(near);
        far.resume();
        const call = client.call(remote("Echo"), { text: "x" }, { timeoutMs: 5_000 }).then(
          () => "answered",
          (error: Error) => error.name,
        );
        for (const bytes of chunks) far.write(bytes);
        await sleep(0);
        far.end();
        assert.ok(["answered", "TtrpcError"].includes(await call));
      }),
    );
  });

  it("waits while its server does not read, within its own deadline", async () => {
    const [near] = duplexPair();
    using client = createClient(near);
    const text = "x".repeat(100_000);
    const calls = Array.from({ length: 50 }, () => client.call(remote("Echo"), { text }, { timeoutMs: 30 }));
    const results = await Promise.allSettled(calls);
    assert.ok(results.every(({ status }) => status === "rejected"));
    assert.ok(near.writableLength < 300_000, `${near.writableLength} bytes are held`);
  });
});

function byStream(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}
