import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { CONTENT_TYPE } from "./exposition.ts";

const MOST_HEAD_BYTES = 8 << 10;
const HEAD_MS = 5_000;
const MOST_CONNECTIONS = 8;

/**
 * Answers `GET /metrics` on a Unix socket for root alone. So little of HTTP needs no server of Node.js, which would cost a
 * resident shim more than all its metrics.
 * @throws ERR_FILE when the folder is not ours alone, or the socket cannot be made
 */
export async function serveMetrics(path: string, render: () => string): Promise<{ close(): void }> {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== process.geteuid?.() || (mode & 0o077) !== 0)
    throw new InclavareError("ERR_FILE", `[metrics] folder ${folder} is not a folder of this user's with mode 0700`);
  rmSync(path, { force: true }); // of a shim that was killed
  const server = createServer((socket) => answer(socket, render));
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(path);
  await once(server, "listening");
  chmodSync(path, 0o600);
  server.unref();
  return {
    close() {
      server.close();
      rmSync(path, { force: true });
    },
  };
}

function answer(socket: Socket, render: () => string): void {
  let head = "";
  socket.unref();
  socket.setTimeout(HEAD_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    head += chunk;
    if (/\r?\n\r?\n/u.test(head)) {
      socket.removeAllListeners("data");
      socket.end(respond(head, render));
    } else if (head.length > MOST_HEAD_BYTES) socket.end(respond("", render));
  });
}

function respond(head: string, render: () => string): string {
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?\n/u.exec(head) ?? [];
  if (target === undefined) return response("400 Bad Request", "not HTTP/1.1\n");
  if (method !== "GET") return response("405 Method Not Allowed", "GET only\n");
  if (target !== "/metrics") return response("404 Not Found", "there is /metrics\n");
  return response("200 OK", render(), CONTENT_TYPE);
}

function response(status: string, body: string, type: string = "text/plain"): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;
}
