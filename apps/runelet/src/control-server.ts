import { closeSync } from "node:fs";
import { acceptUnix, setNonBlocking, watchReadable } from "@inclavare/linux";
import { ControlConnection, type ControlHandler } from "./control-connection.ts";

const MOST_CONNECTIONS = 64;

/** Serves rune's requests on the listening socket that rune bound on the host. */
export class ControlServer {
  readonly #descriptor: number;
  readonly #handler: ControlHandler;
  readonly #connections = new Set<ControlConnection>();
  readonly #watch: { close(): void };
  #onIdle: () => void = () => undefined;

  constructor(descriptor: number, handler: ControlHandler) {
    this.#descriptor = descriptor;
    this.#handler = handler;
    setNonBlocking(descriptor, true);
    this.#watch = watchReadable(descriptor, () => this.#acceptAll());
  }

  #acceptAll(): void {
    for (let accepted = acceptUnix(this.#descriptor); accepted !== undefined; accepted = acceptUnix(this.#descriptor)) {
      if (this.#connections.size >= MOST_CONNECTIONS) {
        closeSync(accepted);
        continue;
      }
      const connection: ControlConnection = new ControlConnection(accepted, this.#handler, () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#onIdle();
      });
      this.#connections.add(connection);
    }
  }

  /** Resolves when no connection is left. */
  async idle(): Promise<void> {
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  close(): void {
    this.#watch.close();
    for (const connection of this.#connections) connection.close();
    closeSync(this.#descriptor);
  }
}
