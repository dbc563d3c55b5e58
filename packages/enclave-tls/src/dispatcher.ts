import type { Socket } from "node:net";
import { InclavareError, toInclavareError } from "@inclavare/errors";
import type { Dispatcher } from "undici";
import { connectEnclaveTls, type EnclaveTlsOptions } from "./connect.ts";

export interface DispatcherSettings {
  /** The most connections to one origin; left out: no limit. */
  readonly connections?: number;
  /** How long a connection without a request is kept; left out: 4 s. A verdict holds no longer than its connection. */
  readonly keepAliveTimeoutMs?: number;
}

const KEEP_ALIVE_MS = 4000;
const HTTPS_PORT = 443;

/**
 * A dispatcher for Node's `fetch`, whose connections are Enclave-TLS: `fetch("https://…", { dispatcher })` sends nothing
 * before the peer has been accepted. Each connection is proven anew; a refusal is the `cause` of the error that `fetch`
 * throws. Only `https:` addresses are taken, and HTTP/1.1 is spoken. The library behind it (undici, of the version that is
 * inside Node) is loaded here, by those who call this.
 */
export async function createEnclaveTlsDispatcher(
  options: EnclaveTlsOptions,
  { connections, keepAliveTimeoutMs = KEEP_ALIVE_MS }: DispatcherSettings = {},
): Promise<Dispatcher> {
  const { Agent } = await import("undici");
  return new Agent({
    allowH2: false,
    pipelining: 1,
    connections: connections ?? null,
    keepAliveTimeout: keepAliveTimeoutMs,
    // Not longer because the peer says so.
    keepAliveMaxTimeout: keepAliveTimeoutMs,
    connect: ({ hostname, port, protocol }, done) => {
      if (protocol !== "https:") {
        done(new InclavareError("ERR_TLS_UNREACHABLE", `${protocol}//${hostname} is not an https: address`), null);
        return;
      }
      const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
      connectEnclaveTls({ host, port: port === "" ? HTTPS_PORT : Number(port) }, options).then(
        // undici asks of a connection what a Duplex has, and `ref` and `unref`.
        (socket) => done(null, socket as unknown as Socket),
        (error: unknown) => done(toInclavareError(error), null),
      );
    },
  });
}
