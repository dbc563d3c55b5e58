import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What a caller names in `Upgrade` to get a tunnel. */
export const TUNNEL_PROTOCOL = "inclavare-tunnel";

type TimedDuplex = Duplex & { setTimeout(timeoutMs: number, listener?: () => void): unknown };

/**
 * Carries bytes both ways until either side ends, fails, or both are silent for the idle time; then both are gone. What
 * the bytes mean is between the two ends: here they are only ciphertext.
 */
export async function carry(client: TimedDuplex, workload: TimedDuplex, idleTimeoutMs: number): Promise<void> {
  const stop = (): void => {
    client.destroy();
    workload.destroy();
  };
  // One direction may end while the other still carries something.
  client.allowHalfOpen = true;
  workload.allowHalfOpen = true;
  // Each end's own clock sees both directions: what one receives, the same end sends what the other received.
  client.setTimeout(idleTimeoutMs, stop);
  try {
    await Promise.allSettled([pipeline(client, workload), pipeline(workload, client)]);
  } finally {
    stop();
  }
}
