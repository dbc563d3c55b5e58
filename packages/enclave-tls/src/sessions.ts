import { InclavareError } from "@inclavare/errors";
import type { EnclaveTlsSocket, Peer } from "./socket.ts";

/**
 * The open connections of one side, pooled ones included: what a verdict let in goes when the verdict goes. Given to
 * `EnclaveTlsOptions.sessions`, every connection made with these options is entered, and leaves when it closes.
 */
export class Sessions {
  readonly #open = new Set<EnclaveTlsSocket>();

  get size(): number {
    return this.#open.size;
  }

  add(socket: EnclaveTlsSocket): void {
    if (socket.destroyed) return;
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
  }

  [Symbol.iterator](): Iterator<EnclaveTlsSocket> {
    return this.#open.values();
  }

  /**
   * Judges every peer again, by the proof that it gave, under the policy as it is now: after a change of reference values,
   * collateral or accepted statuses. Those that no longer pass are told so and closed, with the reason as their error.
   * @returns how many were closed.
   */
  async reappraise(): Promise<number> {
    return await this.#closedBy(async (socket) => await socket.reappraise());
  }

  /** Demands a fresh proof of every peer. @returns how many were closed because they gave none that is good. */
  async reattest(): Promise<number> {
    return await this.#closedBy(async (socket) => await socket.reattest());
  }

  /**
   * Closes the connections of the chosen peers at once, with ERR_TLS_REVOKED as their error, and tells the peers so.
   * @param which left out: all.
   * @returns how many were closed.
   */
  revoke(reason: string, which: (peer: Peer) => boolean = () => true): number {
    const chosen = [...this.#open].filter(({ peer }) => which(peer));
    for (const socket of chosen) socket.revoke(new InclavareError("ERR_TLS_REVOKED", reason));
    return chosen.length;
  }

  async #closedBy(work: (socket: EnclaveTlsSocket) => Promise<void>): Promise<number> {
    const sockets = [...this.#open].filter(({ destroyed }) => !destroyed);
    await Promise.all(sockets.map(work));
    return sockets.filter(({ destroyed }) => destroyed).length;
  }
}
