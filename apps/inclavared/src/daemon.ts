import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import type { TrustAnchor } from "@inclavare/attestation";
import { createEnclaveTlsServer, createHttpService, createIdentity } from "@inclavare/enclave-tls";
import { formatOneLine, InclavareError } from "@inclavare/errors";
import { handleRequest, handleUpgrade } from "./routes.ts";
import { WorkloadSessions } from "./sessions.ts";
import { Workloads } from "./workloads.ts";

export interface DaemonOptions {
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}

export interface Daemon {
  readonly host: string;
  readonly port: number;
  /** Stops listening, lets running answers end, and closes everything when the time is over. */
  stop(timeoutMs: number): Promise<void>;
}

const MAX_CONNECTIONS = 256;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const WORKLOAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 60_000;
const TUNNEL_IDLE_MS = 300_000;

/**
 * The attestation proxy: an Enclave-TLS server for verifiers on one side, the node's workloads on the other. It is not
 * trusted by either end: it relays proofs and ciphertext, and vouches for nothing.
 * @throws InclavareError ERR_LISTEN
 */
export async function createDaemon({ host, port, directory, trustAnchors, log }: DaemonOptions): Promise<Daemon> {
  const now = (): Date => new Date();
  const identity = await createIdentity({ now: now() });
  const sessions = new WorkloadSessions({ identity, trustAnchors, timeoutMs: WORKLOAD_TIMEOUT_MS, now });
  const workloads = new Workloads(directory, sessions, WORKLOAD_TIMEOUT_MS);
  const routes = { workloads, timeoutMs: WORKLOAD_TIMEOUT_MS, tunnelIdleMs: TUNNEL_IDLE_MS };
  const http = createHttpService({
    handle: (request, response) => handleRequest(routes, request, response),
    upgrade: (request, socket, head) => handleUpgrade(routes, request, { socket, head }),
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  // Any key is let in: what a caller can get here, the workloads' evidence and a tunnel to them, is for anybody.
  const peer = { evidence: "none", authorize: () => true } as const;
  const server = createEnclaveTlsServer(
    {
      identity,
      peer,
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      maxConnections: MAX_CONNECTIONS,
      onRefused: (error) => log("connection refused", { reason: formatOneLine(error) }),
    },
    (socket) => http.attach(socket),
  );
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    stop: async (timeoutMs) => {
      const closed = once(server, "close");
      server.close();
      await http.drain(timeoutMs);
      sessions[Symbol.dispose]();
      await closed;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen({ host, port });
    await once(server, "listening");
  } catch (error) {
    throw new InclavareError("ERR_LISTEN", `cannot listen at ${host}:${port}`, { cause: error });
  }
}
