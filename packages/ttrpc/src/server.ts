import type { Duplex } from "node:stream";
import { ServerConnection } from "./server-connection.ts";
import type { Services } from "./service.ts";
import { type Status, toStatus } from "./status.ts";

const DEFAULT_MAX_CALLS = 4096;
const DEFAULT_MAX_REQUEST_BYTES = 64 << 20;
const DEFAULT_CLOSE_MS = 5_000;

export interface ServerOptions {
  readonly services: Services;
  /** The status of what a handler threw; left out: that of a TtrpcError, UNKNOWN with the message for anything else. */
  readonly statusOf?: (thrown: unknown) => Status;
  /** Handlers that may run for one connection; further calls get RESOURCE_EXHAUSTED. Left out: 4096. */
  readonly maxCalls?: number;
  /** Bytes that the requests of those may have together. Left out: 64 MiB. */
  readonly maxRequestBytes?: number;
}

/** What a server accepts connections from; a `net.Server` is one. */
export interface ConnectionSource {
  on(event: "connection", listener: (stream: Duplex) => void): unknown;
  close(): unknown;
}

/** A ttrpc server. It opens no socket itself: connections, or what they come from, are handed to it. */
export class Server implements AsyncDisposable {
  readonly #options: Required<Omit<ServerOptions, "services">>;
  readonly #methods: ReadonlyMap<string, ReadonlyMap<string, Services[string][string]>>;
  readonly #connections = new Set<ServerConnection>();
  readonly #sources: ConnectionSource[] = [];
  #closing: PromiseWithResolvers<void> | undefined;

  constructor({ services, ...options }: ServerOptions) {
    this.#methods = new Map(
      Object.entries(services).map(([name, methods]) => [name, new Map(Object.entries(methods))] as const),
    );
    this.#options = {
      statusOf: toStatus,
      maxCalls: DEFAULT_MAX_CALLS,
      maxRequestBytes: DEFAULT_MAX_REQUEST_BYTES,
      ...options,
    };
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Serves every connection that comes from the source, and closes the source with the server. */
  listen(source: ConnectionSource): void {
    this.#sources.push(source);
    source.on("connection", (stream) => this.serve(stream));
  }

  /** Serves one connection and takes it over. The end of a connection never ends the server. */
  serve(stream: Duplex): void {
    if (this.#closing !== undefined) {
      stream.on("error", () => undefined);
      stream.destroy();
      return;
    }
    const connection = new ServerConnection(stream, {
      ...this.#options,
      methods: this.#methods,
      closed: () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#closing?.resolve();
      },
    });
    this.#connections.add(connection);
  }

  /**
   * Accepts nothing more, answers what is in flight, closes what is idle; after `deadlineMs` closes the rest, and aborts
   * the signals of calls that are still unanswered.
   */
  async close({ deadlineMs = DEFAULT_CLOSE_MS }: { readonly deadlineMs?: number } = {}): Promise<void> {
    this.#closing ??= Promise.withResolvers<void>();
    for (const source of this.#sources.splice(0)) source.close();
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size === 0) this.#closing.resolve();
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, deadlineMs);
    await this.#closing.promise;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Makes a server from a table of services. */
export function createServer(options: ServerOptions): Server {
  return new Server(options);
}
