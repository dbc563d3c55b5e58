import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bytes, type CallContext, type Client, message, unary } from "../src/index.ts";
import { createPair, note, remote } from "./echo.ts";

const ttrpcError = (status: number, text?: RegExp): object => ({
  name: "TtrpcError",
  status,
  ...(text === undefined ? {} : { message: text }),
});

async function echo(client: Client, text: string, delayMs = 0): Promise<string> {
  return (await client.call(remote("Echo"), { text, delayMs })).text;
}

describe("calls", () => {
  it("are answered in any order, many at once", async () => {
    await using pair = createPair();
    const done: string[] = [];
    const slow = echo(pair.client, "slow", 50).then((text) => done.push(text));
    const all = Array.from({ length: 500 }, (_, index) => echo(pair.client, `${index}`));
    assert.deepEqual(
      await Promise.all(all),
      all.map((_, index) => `${index}`),
    );
    done.push("others");
    await slow;
    assert.deepEqual(done, ["others", "slow"]);
  });

  it("carry metadata, repeated keys included, and the deadline", async () => {
    const seen: CallContext[] = [];
    const look = unary(note, note, (request, context) => {
      seen.push(context);
      return request;
    });
    await using pair = createPair({ services: { "test.v1.Notes": { Look: look } } });
    const metadata = { "containerd-namespace-ttrpc": "default", traceparent: ["a", "b"] };
    await pair.client.call(remote("Look"), {}, { metadata, timeoutMs: 5_000 });
    const [context] = seen;
    assert.deepEqual(
      [...(context?.metadata ?? [])],
      [
        ["containerd-namespace-ttrpc", ["default"]],
        ["traceparent", ["a", "b"]],
      ],
    );
    const leftMs = (context?.deadlineMs ?? 0) - performance.now();
    assert.ok(leftMs > 1_000 && leftMs <= 5_000, `${leftMs} ms are left`);
  });

  it("to an unknown service or method are answered 12 with its name", async () => {
    await using pair = createPair();
    await assert.rejects(pair.client.call(remote("Nothing"), {}), ttrpcError(12, /^method Nothing$/u));
    const elsewhere = { ...remote("Echo"), service: "test.v3.Notes" };
    await assert.rejects(pair.client.call(elsewhere, {}), ttrpcError(12, /^service test\.v3\.Notes$/u));
    for (const name of ["__proto__", "constructor", "toString"]) {
      await assert.rejects(pair.client.call({ ...elsewhere, service: name }, {}), ttrpcError(12));
      await assert.rejects(pair.client.call(remote(name), {}), ttrpcError(12));
    }
  });

  it("whose request cannot be decoded are answered 3", async () => {
    await using pair = createPair();
    const garbage = { ...remote("Echo"), request: message({ text: bytes(1) }) };
    await assert.rejects(pair.client.call(garbage, { text: new Uint8Array([0xff]) }), ttrpcError(3));
  });

  it("bring the status that a handler throws, with its details", async () => {
    await using pair = createPair();
    const failure = { name: "TtrpcError", status: 9, message: "not now", details: [Buffer.from([10, 1, 97])] };
    await assert.rejects(pair.client.call(remote("Fail"), { text: "ttrpc" }), (error: typeof failure) => {
      assert.deepEqual([error.status, error.message], [9, "not now"]);
      assert.deepEqual(
        error.details.map((item) => [...item]),
        [[10, 1, 97]],
      );
      return true;
    });
  });

  it("turn whatever else a handler throws into 2 with its message", async () => {
    await using pair = createPair();
    await assert.rejects(pair.client.call(remote("Fail"), { text: "error" }), ttrpcError(2, /^boom$/u));
    await assert.rejects(pair.client.call(remote("Fail"), { text: "text" }), ttrpcError(2, /string was thrown/u));
  });

  it("use the server's own mapping of errors, and survive one that throws itself", async () => {
    await using mapped = createPair({ statusOf: () => ({ code: 7, message: "mapped" }) });
    await assert.rejects(mapped.client.call(remote("Fail"), { text: "error" }), ttrpcError(7, /^mapped$/u));
    const statusOf = (): never => {
      throw new Error("no");
    };
    await using broken = createPair({ statusOf });
    await assert.rejects(broken.client.call(remote("Fail"), { text: "error" }), ttrpcError(2, /^boom$/u));
  });

  it("that take too long are given up on both sides, and a late answer disturbs nobody", async () => {
    await using pair = createPair();
    const late = pair.client.call(remote("Echo"), { text: "late", delayMs: 60 }, { timeoutMs: 20 });
    await assert.rejects(late, ttrpcError(4));
    await sleep(80);
    assert.equal(await echo(pair.client, "next"), "next");
  });

  it("are aborted in the handler when their deadline passes", async () => {
    const aborted = Promise.withResolvers<unknown>();
    const wait = unary(note, note, (request, { signal }) => {
      signal.addEventListener("abort", () => aborted.resolve(signal.reason));
      return new Promise<typeof request>(() => undefined);
    });
    await using pair = createPair({ services: { "test.v1.Notes": { Wait: wait } } });
    await assert.rejects(pair.client.call(remote("Wait"), {}, { timeoutMs: 20 }), ttrpcError(4));
    assert.equal(((await aborted.promise) as { status: number }).status, 4);
  });

  it("can be given up through a signal", async () => {
    await using pair = createPair();
    const signal = AbortSignal.timeout(10);
    await assert.rejects(pair.client.call(remote("Hang"), {}, { signal }), ttrpcError(1));
    await assert.rejects(pair.client.call(remote("Echo"), {}, { signal }), ttrpcError(1));
  });

  it("fail with 14 when the connection closes, and are aborted at the server", async () => {
    const aborted = Promise.withResolvers<void>();
    const wait = unary(note, note, (request, { signal }) => {
      signal.addEventListener("abort", () => aborted.resolve());
      return new Promise<typeof request>(() => undefined);
    });
    await using pair = createPair({ services: { "test.v1.Notes": { Wait: wait } } });
    const call = pair.client.call(remote("Wait"), {});
    await sleep(10);
    pair.client.close();
    await assert.rejects(call, ttrpcError(14, /closed/u));
    await aborted.promise;
    await assert.rejects(pair.client.call(remote("Wait"), {}), ttrpcError(14));
    assert.equal(pair.server.connections, 0);
  });
});

describe("sizes", () => {
  it("up to 4 MiB travel, more is refused by the sender", async () => {
    await using pair = createPair();
    const large = "x".repeat(4_190_000);
    assert.equal((await echo(pair.client, large)).length, large.length);
    await assert.rejects(pair.client.call(remote("Echo"), { text: `${large}${large}` }), ttrpcError(8));
    await assert.rejects(pair.client.call(remote("Produce"), { delayMs: 5 << 20 }), ttrpcError(8));
    assert.equal(await echo(pair.client, "small"), "small");
  });

  it("more calls than the limit are answered 8, the others go on", async () => {
    await using pair = createPair({ maxCalls: 2 });
    const running = [echo(pair.client, "a", 30), echo(pair.client, "b", 30)];
    await assert.rejects(echo(pair.client, "c"), ttrpcError(8));
    assert.deepEqual(await Promise.all(running), ["a", "b"]);
    assert.equal(await echo(pair.client, "d"), "d");
  });

  it("requests that together are too long are answered 8", async () => {
    await using pair = createPair({ maxRequestBytes: 1000 });
    const running = echo(pair.client, "x".repeat(800), 20);
    await assert.rejects(echo(pair.client, "y".repeat(800)), ttrpcError(8));
    assert.equal((await running).length, 800);
  });
});

describe("close", () => {
  it("answers what is in flight, refuses what comes, and ends the connections", async () => {
    await using pair = createPair();
    const running = echo(pair.client, "last", 40);
    await sleep(10);
    const closing = pair.server.close();
    await assert.rejects(echo(pair.client, "too late"), ttrpcError(14, /closing/u));
    assert.equal(await running, "last");
    await closing;
    await pair.client.closed;
    assert.equal(pair.server.connections, 0);
  });

  it("does not wait for ever", async () => {
    await using pair = createPair();
    const hanging = pair.client.call(remote("Hang"), {});
    await sleep(5);
    const startedAt = performance.now();
    await pair.server.close({ deadlineMs: 30 });
    assert.ok(performance.now() - startedAt < 2_000);
    await assert.rejects(hanging, ttrpcError(14));
  });

  it("closes idle connections at once", async () => {
    await using pair = createPair();
    await echo(pair.client, "x");
    await pair.server.close();
    await pair.client.closed;
  });
});
