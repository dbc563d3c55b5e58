import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { ATTEST_SOCKET, type FoundWorkload } from "./scan.ts";

/**
 * Connects to a workload's attestation socket. The path goes through a descriptor of the container's directory, opened
 * without following a link: that keeps it short enough for a socket address, and inside the state directory.
 * @throws InclavareError ERR_WORKLOAD_UNREACHABLE, ERR_DEADLINE
 */
export async function connectAttestSocket(workload: FoundWorkload, timeoutMs: number): Promise<Socket> {
  try {
    await using directory = await open(workload.directory, constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const path = `/proc/self/fd/${directory.fd}/${ATTEST_SOCKET}`;
    if (!(await lstat(path)).isSocket()) {
      throw new InclavareError("ERR_WORKLOAD_UNREACHABLE", `${ATTEST_SOCKET} of ${workload.container} is not a socket`);
    }
    return await connectTo(path, workload, timeoutMs);
  } catch (error) {
    if (isInclavareError(error)) throw error;
    const message = `container ${workload.container} does not answer on its ${ATTEST_SOCKET}`;
    throw new InclavareError("ERR_WORKLOAD_UNREACHABLE", message, { cause: error });
  }
}

async function connectTo(path: string, { container }: FoundWorkload, timeoutMs: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ path });
  const late = new InclavareError("ERR_DEADLINE", `container ${container} did not answer within ${timeoutMs} ms`);
  const timer = setTimeout(() => reject(late), timeoutMs);
  socket.once("connect", resolve).once("error", reject);
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    socket.off("error", reject);
  }
}
