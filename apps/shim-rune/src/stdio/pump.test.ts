import assert from "node:assert/strict";
import { closeSync, readSync, writeSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createPipe, setNonBlocking } from "@inclavare/linux";
import { pump } from "./pump.ts";

const CAPACITY = 64 << 10;

function pipe() {
  const ends = createPipe(CAPACITY);
  for (const end of [ends.readEnd, ends.writeEnd]) setNonBlocking(end, true);
  return ends;
}

/** All that is there. */
function drain(descriptor: number): Buffer {
  const parts: Buffer[] = [];
  for (const room = Buffer.alloc(CAPACITY); ;) {
    try {
      const count = readSync(descriptor, room);
      if (count === 0) break;
      parts.push(Buffer.from(room.subarray(0, count)));
    } catch {
      break;
    }
  }
  return Buffer.concat(parts);
}

describe("pump", () => {
  it("hands everything on in order, held by a full target, and ends with the source", async () => {
    const [source, target] = [pipe(), pipe()];
    const ended = Promise.withResolvers<void>();
    pump(source.readEnd, target.writeEnd, ended.resolve);
    const sent = Buffer.from(Array.from({ length: 5 * CAPACITY }, (_, index) => (index * 7) % 251));
    const received: Buffer[] = [];
    for (let at = 0; at < sent.length;) {
      try {
        at += writeSync(source.writeEnd, sent, at);
      } catch {
        await sleep(5); // everything is full
        received.push(drain(target.readEnd));
      }
    }
    closeSync(source.writeEnd);
    let isOver = false;
    void ended.promise.then(() => (isOver = true));
    while (!isOver) {
      received.push(drain(target.readEnd));
      await sleep(5);
    }
    received.push(drain(target.readEnd));
    assert.ok(Buffer.concat(received).equals(sent));
    for (const end of [source.readEnd, target.readEnd, target.writeEnd]) closeSync(end);
  });

  it("ends when nobody reads the target any more", async () => {
    const [source, target] = [pipe(), pipe()];
    const ended = Promise.withResolvers<void>();
    pump(source.readEnd, target.writeEnd, ended.resolve);
    closeSync(target.readEnd);
    writeSync(source.writeEnd, "x");
    await ended.promise;
    for (const end of [source.readEnd, source.writeEnd, target.writeEnd]) closeSync(end);
  });

  it("moves nothing once it is stopped, and throws away what nobody wants", async () => {
    const [source, target] = [pipe(), pipe()];
    pump(source.readEnd, target.writeEnd, () => assert.fail("it was stopped")).stop();
    writeSync(source.writeEnd, "x");
    await sleep(20);
    assert.equal(drain(target.readEnd).length, 0);
    const ended = Promise.withResolvers<void>();
    pump(source.readEnd, undefined, ended.resolve);
    closeSync(source.writeEnd);
    await ended.promise;
    assert.equal(drain(source.readEnd).length, 0);
    for (const end of [source.readEnd, target.readEnd, target.writeEnd]) closeSync(end);
  });
});
