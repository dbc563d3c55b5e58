import { closeSync } from "node:fs";
import { pump } from "./pump.ts";

/**
 * What this process holds of the input and output of another one: sources and targets of what is copied, and the writer that keeps
 * a FIFO of input from ending with its client. With a terminal `outSource` is its master side, and `inTarget` a copy of that.
 */
const END_NAMES = ["inSource", "inTarget", "inHolder", "outSource", "outTarget", "errSource", "errTarget"] as const;
export type EndName = (typeof END_NAMES)[number];

/** Descriptors by name, each closed once, and the copying between them. */
export class Ends {
  readonly #open = new Map<EndName, number>();
  readonly #pumps = new Map<EndName, { stop(): void }>();
  readonly #copied = Promise.withResolvers<void>();

  /** Resolves when all output has been handed on, or everything is closed. */
  get copied(): Promise<void> {
    return this.#copied.promise;
  }

  get(name: EndName): number | undefined {
    return this.#open.get(name);
  }

  /** The descriptor is ours from here on. */
  add(name: EndName, descriptor: number): number {
    this.#open.set(name, descriptor);
    return descriptor;
  }

  close(...names: readonly EndName[]): void {
    for (const name of names) {
      const descriptor = this.#open.get(name);
      if (descriptor === undefined) continue;
      this.#pumps.get(name)?.stop();
      this.#open.delete(name);
      closeSync(descriptor);
    }
  }

  /** Begins to copy. */
  start(): void {
    const input = this.#copy("inSource", "inTarget");
    void input.then(() => this.close("inSource", "inTarget", "inHolder"));
    const outputs = (["out", "err"] as const).map(async (name) => {
      await this.#copy(`${name}Source`, `${name}Target`);
      this.close(`${name}Source`, `${name}Target`);
    });
    void Promise.all(outputs).then(() => this.#copied.resolve());
  }

  async #copy(source: EndName, target: EndName): Promise<void> {
    const from = this.#open.get(source);
    if (from === undefined) return;
    const ended = Promise.withResolvers<void>();
    const running = pump(from, this.#open.get(target), ended.resolve);
    for (const name of [source, target]) this.#pumps.set(name, running);
    await ended.promise;
  }

  closeAll(): void {
    this.close(...END_NAMES);
    this.#copied.resolve();
  }
}
