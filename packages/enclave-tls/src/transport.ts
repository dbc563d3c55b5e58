import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { InclavareError, isInclavareError } from "@inclavare/errors";

/** Where a connection goes: a stream that exists already (a socket, a tunnel, another Enclave-TLS socket), or an address. */
export type Transport = Duplex | { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Gives the stream of a transport, connecting first where it is an address.
 * @throws InclavareError ERR_TLS_UNREACHABLE, ERR_TLS_CLOSED, ERR_DEADLINE
 */
export async function openTransport(transport: Transport, signal: AbortSignal): Promise<Duplex> {
  if ("on" in transport) {
    if (!transport.destroyed) return transport;
    throw new InclavareError("ERR_TLS_CLOSED", "the transport is closed already");
  }
  const name = "path" in transport ? transport.path : `${transport.host}:${transport.port}`;
  const socket = connect({ ...transport });
  try {
    await connected(socket, signal);
    return socket;
  } catch (error) {
    socket.destroy();
    if (isInclavareError(error)) throw error;
    throw new InclavareError("ERR_TLS_UNREACHABLE", `cannot connect to ${name}`, { cause: error });
  }
}

async function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason as Error);
  socket.once("connect", resolve).once("error", reject);
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) abort();
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.off("connect", resolve).off("error", reject);
  }
}
