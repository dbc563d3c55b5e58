import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { toHttpProblem } from "@inclavare/errors";
import { sendProblem } from "./http-body.ts";

export interface HttpServiceOptions {
  /** Answers one request; what it throws becomes an RFC 9457 problem with our code. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
  /** Takes over a connection that asks for `Upgrade`; resolves when it is done with it. Left out: the request is handled as any other. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  /** Left out: 16 KiB. */
  readonly maxHeaderBytes?: number;
  /** From a request's headers to the end of its answer; left out: 30 s. */
  readonly requestTimeoutMs?: number;
  /** From the last answer (or the connection) to the next request's headers; left out: one minute. */
  readonly idleTimeoutMs?: number;
}

/** HTTP/1.1 on connections that are given to it; it listens nowhere. */
export interface HttpService {
  /** Serves one connection until it ends; the service owns it from now on. */
  attach(socket: Duplex): void;
  readonly connections: number;
  /** Ends idle connections now, busy ones after their answer, and all that is left after the deadline. */
  drain(timeoutMs: number): Promise<void>;
}

export function createHttpService(options: HttpServiceOptions): HttpService {
  return new SocketService(options);
}

const DEFAULT_HEADER_BYTES = 16 << 10;
const DEFAULT_REQUEST_MS = 30_000;
const DEFAULT_IDLE_MS = 60_000;

class SocketService implements HttpService {
  readonly #options: HttpServiceOptions;
  readonly #server: ReturnType<typeof createServer>;
  /** Every open connection, and the timer that ends it if nothing happens. */
  readonly #timers = new Map<Duplex, NodeJS.Timeout | undefined>();
  readonly #busy = new Set<Duplex>();
  #draining = false;

  constructor(options: HttpServiceOptions) {
    this.#options = options;
    // Node's own time limits run only for a server that listens, so the timers here stand in for them.
    const settings = { maxHeaderSize: options.maxHeaderBytes ?? DEFAULT_HEADER_BYTES, requireHostHeader: false };
    this.#server = createServer({ ...settings, keepAliveTimeout: 0 }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.on("clientError", (_error, socket) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      else socket.destroy();
    });
    const { upgrade } = options;
    if (upgrade !== undefined) {
      this.#server.on("upgrade", (request, socket, head) => {
        void this.#takeOver(upgrade, { request, socket, head });
      });
    }
  }

  get connections(): number {
    return this.#timers.size;
  }

  attach(socket: Duplex): void {
    if (this.#draining) {
      socket.destroy();
      return;
    }
    socket.once("close", () => {
      clearTimeout(this.#timers.get(socket));
      this.#timers.delete(socket);
      this.#busy.delete(socket);
    });
    this.#idle(socket);
    this.#server.emit("connection", socket);
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    for (const socket of this.#timers.keys()) if (!this.#busy.has(socket)) socket.destroy();
    const left = [...this.#timers.keys()].map((socket) => closed(socket));
    const timer = setTimeout(() => {
      for (const socket of this.#timers.keys()) socket.destroy();
    }, timeoutMs);
    await Promise.all(left);
    clearTimeout(timer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    this.#work(socket, this.#options.requestTimeoutMs ?? DEFAULT_REQUEST_MS);
    response.once("close", () => this.#idle(socket));
    if (this.#draining) response.setHeader("Connection", "close");
    try {
      await this.#options.handle(request, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendProblem(response, error);
    }
  }

  async #takeOver(
    upgrade: NonNullable<HttpServiceOptions["upgrade"]>,
    { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
  ): Promise<void> {
    this.#work(socket, undefined);
    // The HTTP server has let go of this socket, and of its error handler.
    socket.on("error", () => socket.destroy());
    try {
      await upgrade(request, socket, head);
    } catch (error) {
      refuseUpgrade(socket, error);
    }
  }

  #idle(socket: Duplex): void {
    this.#busy.delete(socket);
    if (this.#draining) socket.end();
    this.#arm(socket, this.#options.idleTimeoutMs ?? DEFAULT_IDLE_MS);
  }

  #work(socket: Duplex, timeoutMs: number | undefined): void {
    this.#busy.add(socket);
    this.#arm(socket, timeoutMs);
  }

  #arm(socket: Duplex, timeoutMs: number | undefined): void {
    clearTimeout(this.#timers.get(socket));
    if (socket.destroyed) return;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => socket.destroy(), timeoutMs);
    this.#timers.set(socket, timer);
  }
}

function refuseUpgrade(socket: Duplex, thrown: unknown): void {
  if (!socket.writable) return;
  const problem = toHttpProblem(thrown);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.code}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

async function closed(socket: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", resolve);
  await promise;
}
