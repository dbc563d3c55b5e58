import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { JsonValue } from "@inclavare/errors";
import { encodeMessage, MessageDecoder } from "@inclavare/linux";
import { requestControl } from "./control-client.ts";

const directory = mkdtempSync(join(tmpdir(), "rune-control-"));
const servers: Server[] = [];
const sockets: Socket[] = [];
after(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
  rmSync(directory, { recursive: true, force: true });
});

/** A server that does with each request what `answer` says. @returns its socket's path */
async function serve(answer: (socket: Socket, message: JsonValue) => void): Promise<string> {
  const path = join(directory, `${servers.length}.sock`);
  const server = createServer((socket) => {
    sockets.push(socket);
    const decoder = new MessageDecoder();
    socket.on("data", (chunk: Buffer) => decoder.push(chunk).forEach((message) => answer(socket, message)));
    socket.on("error", () => undefined);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const start = { op: "start" } as const;

describe("requestControl", () => {
  it("gives the answer's fields", async () => {
    const path = await serve((socket, message) => socket.write(encodeMessage({ ok: true, heard: message })));
    assert.deepEqual(await requestControl(path, start, { timeoutMs: 1000 }), { heard: { op: "start" } });
  });

  it("throws the peer's error", async () => {
    const error = { code: "ERR_EXEC_FORBIDDEN", kind: "permission-denied", message: "no", details: {} };
    const path = await serve((socket) => socket.write(encodeMessage({ ok: false, error })));
    await assert.rejects(requestControl(path, start, { timeoutMs: 1000 }), { code: "ERR_EXEC_FORBIDDEN" });
  });

  it("says ERR_RUNELET_ENDED when the connection ends or nobody listens", async () => {
    const path = await serve((socket) => socket.destroy());
    await assert.rejects(requestControl(path, start, { timeoutMs: 1000 }), { code: "ERR_RUNELET_ENDED" });
    await assert.rejects(requestControl(join(directory, "none"), start, { timeoutMs: 1000 }), {
      code: "ERR_RUNELET_ENDED",
    });
  });

  it("gives up at its deadline, and when waiting has become pointless", async () => {
    const path = await serve(() => undefined);
    await assert.rejects(requestControl(path, start, { timeoutMs: 50 }), { code: "ERR_DEADLINE" });
    const signal = AbortSignal.timeout(50);
    await assert.rejects(requestControl(path, start, { timeoutMs: 5000, signal }), { code: "ERR_RUNELET_ENDED" });
    const before = AbortSignal.abort();
    await assert.rejects(requestControl(path, start, { timeoutMs: 5000, signal: before }), {
      code: "ERR_RUNELET_ENDED",
    });
  });

  it("refuses an answer that is no message", async () => {
    const path = await serve((socket) => socket.write(Buffer.from("ffffffff", "hex")));
    await assert.rejects(requestControl(path, start, { timeoutMs: 1000 }), { code: "ERR_MESSAGE" });
  });
});
