import { Errno } from "../errno.ts";
import type { Host, HostFunction } from "./host.ts";

/**
 * Preview 1 has no way to make a socket, and the enclave gives none to a guest: these calls tell a descriptor that is
 * not open (BADF) from one that is no socket (NOTSOCK). A standard stream that is a socket is used as a stream.
 */
export function sock({ descriptors }: Host): Record<string, HostFunction> {
  function refuse(fd: number): never {
    const descriptor = descriptors.get(fd);
    throw new Errno(descriptor.kind === "stream" && descriptor.stream.type === "socket" ? "NOTSUP" : "NOTSOCK");
  }
  return { sock_accept: refuse, sock_recv: refuse, sock_send: refuse, sock_shutdown: refuse };
}
