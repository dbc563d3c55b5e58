import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { claimSocket } from "../command/claim-socket.ts";
import type { Joins } from "./joins.ts";

/** For a connection from just before the socket went to be seen: it waits in the socket's queue. */
const LATE_MS = 50;

export interface Leaving {
  readonly socket: string;
  readonly joins: Joins;
  readonly isEmpty: () => boolean;
  /** Serves what comes to a listening socket, which takes the place of the one before. */
  readonly listen: (descriptor: number) => void;
}

/**
 * Leaves when nobody can be about to join. The socket goes first: whoever then asks for a shim makes a new one. But who saw
 * this one live a moment before has given its address to containerd, and must find somebody there.
 * @returns false: somebody came after all
 */
export async function leave({ socket, joins, isEmpty, listen }: Leaving): Promise<boolean> {
  for (;;) {
    await joins.settled();
    if (!isEmpty()) return false;
    const { arrivals } = joins;
    rmSync(socket, { force: true });
    await sleep(LATE_MS);
    // Whoever came before has been waited for, and may never say a word.
    if (isEmpty() && joins.arrivals === arrivals) return true;
    const descriptor = claimSocket(socket);
    // Another shim is there by now, and serves whoever saw this one.
    if (descriptor === undefined) return isEmpty();
    listen(descriptor);
  }
}
