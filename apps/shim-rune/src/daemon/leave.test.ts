import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Joins } from "./joins.ts";
import { leave } from "./leave.ts";

let directory = "";
let socket = "";
const servers: Server[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "leave-"));
  socket = join(directory, "s");
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A shim's listening socket, whose connections are watched. */
function serve(joins: Joins, where: { fd: number } | { path: string }): Server {
  const server = createServer((connection) => {
    joins.watch(connection);
    connection.resume();
  });
  servers.push(server);
  return server.listen(where);
}

/** What `start` does to see whether a shim lives. */
async function look(): Promise<void> {
  const connection = connect(socket);
  await once(connection, "connect");
  connection.destroy();
}

describe("a shim that is to leave", () => {
  it("leaves at once where nobody comes, its socket first", async () => {
    writeFileSync(socket, "");
    const listen = (): void => assert.fail("nobody came");
    const leaving = leave({ socket, joins: new Joins(), isEmpty: () => true, listen });
    await sleep(10);
    assert.equal(existsSync(socket), false);
    assert.equal(await leaving, true);
  });

  it("stays for the container that has come in the meantime", async () => {
    const listen = (): void => assert.fail("it never left");
    assert.equal(await leave({ socket, joins: new Joins(), isEmpty: () => false, listen }), false);
  });

  it("does not wait for ever for somebody who says nothing", { timeout: 20_000 }, async () => {
    const joins = new Joins();
    await once(serve(joins, { path: socket }), "listening");
    const silent = connect(socket);
    await once(silent, "connect");
    await sleep(50);
    const listen = (): void => assert.fail("nobody came");
    assert.equal(await leave({ socket, joins, isEmpty: () => true, listen }), true);
    silent.destroy();
  });

  it("is found again by whoever saw it just before its socket went", async () => {
    const joins = new Joins();
    await once(serve(joins, { path: socket }), "listening");
    let isEmpty = true;
    let times = 0;
    const listen = (fd: number): void => {
      times += 1;
      serve(joins, { fd });
    };
    const looking = look();
    const leaving = leave({ socket, joins, isEmpty: () => isEmpty, listen });
    await looking;
    for (let tries = 0; times === 0 && tries < 100; tries++) await sleep(10);
    assert.equal(times, 1);
    await look(); // as containerd does, with the address that it was given
    isEmpty = false;
    assert.equal(await leaving, false);
  });
});
