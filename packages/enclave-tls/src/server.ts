import { Server, type Socket } from "node:net";
import { type InclavareError, toInclavareError } from "@inclavare/errors";
import { acceptEnclaveTls, type EnclaveTlsOptions } from "./connect.ts";
import type { EnclaveTlsSocket } from "./socket.ts";

export interface EnclaveTlsServerOptions extends EnclaveTlsOptions {
  /** Connections beyond this are closed at once; left out: 256. */
  readonly maxConnections?: number;
  /** Told of every connection that was refused, or went away before it was open. */
  readonly onRefused?: (reason: InclavareError, remoteAddress: string | undefined) => void;
}

const MOST_CONNECTIONS = 256;

/**
 * An Enclave-TLS server on TCP or a Unix socket: a `net.Server` to listen with and to close. Hands out connections whose
 * peer has been accepted, and no others; one that is slow to prove itself is cut off by `timeoutMs` of the options.
 * @param serve owns the connection from now on.
 */
export function createEnclaveTlsServer(
  options: EnclaveTlsServerOptions,
  serve: (socket: EnclaveTlsSocket) => void,
): Server {
  return new EnclaveTlsServer(options, serve);
}

class EnclaveTlsServer extends Server {
  /** Not open yet. */
  readonly #pending = new Set<Socket>();

  constructor(options: EnclaveTlsServerOptions, serve: (socket: EnclaveTlsSocket) => void) {
    super();
    this.maxConnections = options.maxConnections ?? MOST_CONNECTIONS;
    // One failed accept (no descriptors left) must not take the process down; `listen` has its own listeners.
    this.on("error", () => {});
    this.on("connection", (socket: Socket) => void this.#accept(socket, options, serve));
  }

  /** Stops listening and drops what is not open yet; what is open is its owner's. */
  override close(done?: (error?: Error) => void): this {
    for (const socket of this.#pending) socket.destroy();
    return super.close(done);
  }

  async #accept(
    socket: Socket,
    options: EnclaveTlsServerOptions,
    serve: (socket: EnclaveTlsSocket) => void,
  ): Promise<void> {
    const { remoteAddress } = socket;
    this.#pending.add(socket);
    try {
      serve(await acceptEnclaveTls(socket, options));
    } catch (error) {
      socket.destroy(); // the peer has been told why, as far as the protocol allows
      options.onRefused?.(toInclavareError(error), remoteAddress);
    } finally {
      this.#pending.delete(socket);
    }
  }
}
