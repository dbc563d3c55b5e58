import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** From `start`, which sees that we live and gives our address to containerd, to the Create of the container that joins. */
const JOIN_MS = 2_000;
const LOOK_MS = 50;

/**
 * Notices who may be about to join: `start` connects, asks for nothing and goes; containerd connects and has not asked yet.
 * A shim that ended in between would cost the container its Create.
 */
export class Joins {
  readonly #silent = new Set<Socket>();
  #probedAt = Number.NEGATIVE_INFINITY;
  #arrivals = 0;

  /** Connections so far. */
  get arrivals(): number {
    return this.#arrivals;
  }

  watch(connection: Socket): void {
    this.#arrivals += 1;
    this.#silent.add(connection);
    connection.once("close", () => {
      this.#silent.delete(connection);
      if (connection.bytesRead === 0) this.#probedAt = performance.now();
    });
  }

  /** Resolves when nobody can be on the way any more; at once, as a rule. */
  async settled(): Promise<void> {
    const deadline = performance.now() + 2 * JOIN_MS;
    while (this.#isAwaited() && performance.now() < deadline) await sleep(LOOK_MS);
  }

  #isAwaited(): boolean {
    for (const connection of this.#silent) if (connection.bytesRead > 0) this.#silent.delete(connection);
    return this.#silent.size > 0 || performance.now() - this.#probedAt < JOIN_MS;
  }
}
