import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { peerCredentials } from "@inclavare/linux";
import { type ConnectionOptions, serveConnection } from "./connection.ts";

const PROBE_DEADLINE_MS = 2_000;

export type DaemonOptions = Omit<ConnectionOptions, "uid"> & { readonly socketPath: string };

/** Listens on a socket that only root reaches. A dead daemon's socket is replaced, a live one's is left alone. */
export async function createDaemon({ socketPath, ...options }: DaemonOptions): Promise<AsyncDisposable> {
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
  if (existsSync(socketPath)) {
    if (await answers(socketPath)) {
      throw new InclavareError("ERR_ATTESTERD_RUNNING", `an attesterd answers at ${socketPath} already`);
    }
    rmSync(socketPath);
  }
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    accept(socket, options);
  });
  await listen(server, socketPath);
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function accept(socket: Socket, options: Omit<ConnectionOptions, "uid">): void {
  try {
    // Node keeps the descriptor of a Unix socket in its handle and has no other way to ask for the peer.
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    serveConnection(socket, { ...options, uid: peerCredentials(fd).uid });
  } catch (error) {
    options.log("connection refused", { reason: error instanceof Error ? error.message : "unknown" });
    socket.destroy();
  }
}

async function listen(server: Server, socketPath: string): Promise<void> {
  // Nobody but root between bind and chmod: the directory is 0700, the mask makes the socket 0600 from the start.
  const mask = process.umask(0o177);
  try {
    server.listen(socketPath);
    await once(server, "listening");
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot listen at ${socketPath}`, { cause });
  } finally {
    process.umask(mask);
  }
  chmodSync(socketPath, 0o600);
}

async function answers(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(PROBE_DEADLINE_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
