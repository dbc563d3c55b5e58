import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Joins } from "./joins.ts";

/** Both ends of a connection that is watched. */
async function joined(joins: Joins): Promise<{ ours: Socket; theirs: Socket; [Symbol.dispose](): void }> {
  const server = createServer().listen(`\0joins-${process.pid}-${Math.random()}`);
  await once(server, "listening");
  const theirs = connect(server.address() as string);
  const [ours] = (await once(server, "connection")) as [Socket];
  joins.watch(ours);
  ours.resume();
  return {
    ours,
    theirs,
    [Symbol.dispose]() {
      theirs.destroy();
      ours.destroy();
      server.close();
    },
  };
}

async function isSettled(joins: Joins): Promise<boolean> {
  return await Promise.race([joins.settled().then(() => true), sleep(300, false)]);
}

describe("who may be about to join a shim that could end", () => {
  it("is nobody, where everybody has asked", async () => {
    const joins = new Joins();
    assert.equal(await isSettled(joins), true);
    using connection = await joined(joins);
    connection.theirs.write("a call");
    await once(connection.ours, "data");
    assert.equal(await isSettled(joins), true);
    connection.theirs.destroy();
    await once(connection.ours, "close");
    assert.equal(await isSettled(joins), true);
  });

  it("is who is connected and has not asked, and for a while who looked whether we live", async () => {
    const joins = new Joins();
    using connection = await joined(joins);
    assert.equal(await isSettled(joins), false);
    connection.theirs.destroy();
    await once(connection.ours, "close");
    assert.equal(await isSettled(joins), false);
    await joins.settled();
  });
});
