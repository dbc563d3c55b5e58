/** Both ends of a transport, over everything that Enclave-TLS runs on. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Duplex, duplexPair } from "node:stream";
import { acceptEnclaveTls, connectEnclaveTls, createIdentity, type EnclaveTlsSocket } from "../src/index.ts";

export interface TransportPair {
  readonly server: Duplex;
  readonly client: Duplex;
}

export const TIMEOUT_MS = 20_000;
export const ANYBODY = { evidence: "none", authorize: () => true } as const;

export function memoryPair(): TransportPair {
  const [server, client] = duplexPair();
  return { server, client };
}

export function tcpPair(): Promise<TransportPair> {
  return socketPair({ host: "127.0.0.1", port: 0 });
}

export async function unixPair(): Promise<TransportPair> {
  const directory = mkdtempSync(join(tmpdir(), "enclave-tls-"));
  try {
    return await socketPair({ path: join(directory, "socket") });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A tunnel inside another Enclave-TLS connection. */
export async function nestedPair(): Promise<TransportPair> {
  const outer = await tcpPair();
  const [serverIdentity, clientIdentity] = await Promise.all([
    createIdentity({ now: new Date() }),
    createIdentity({ now: new Date() }),
  ]);
  const options = { peer: ANYBODY, timeoutMs: TIMEOUT_MS };
  const [server, client] = await Promise.all([
    acceptEnclaveTls(outer.server, { ...options, identity: serverIdentity }),
    connectEnclaveTls(outer.client, { ...options, identity: clientIdentity }),
  ]);
  return { server, client };
}

/** Resolves when both ends are closed. */
export async function closedBoth(...sockets: readonly EnclaveTlsSocket[]): Promise<void> {
  await Promise.all(
    sockets.map(async (socket) => {
      if (!socket.closed) await once(socket, "close").catch(() => undefined);
    }),
  );
}

async function socketPair(address: { host: string; port: number } | { path: string }): Promise<TransportPair> {
  const listener = createServer();
  listener.listen(address);
  await once(listener, "listening");
  const bound = listener.address();
  const client = connect(typeof bound === "string" || bound === null ? { path: String(bound) } : { port: bound.port });
  const [server] = (await once(listener, "connection")) as [Socket];
  listener.close();
  return { server, client };
}
