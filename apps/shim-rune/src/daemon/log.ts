import { writeSync } from "node:fs";

export type Level = "debug" | "info" | "warning" | "error";

/** Writes lines as containerd does, into the FIFO of the bundle that it copies to its own log. */
export class Log {
  readonly #descriptor: number;
  readonly #debug: boolean;
  readonly #now: () => Date;

  constructor(options: { readonly descriptor: number; readonly debug: boolean; readonly now: () => Date }) {
    this.#descriptor = options.descriptor;
    this.#debug = options.debug;
    this.#now = options.now;
  }

  /** Never waits and never fails: while containerd is away nobody drains the FIFO, and lines are dropped then. */
  write(level: Level, text: string, fields: Readonly<Record<string, string>> = {}): void {
    if (level === "debug" && !this.#debug) return;
    const pairs = Object.entries({ time: this.#now().toISOString(), level, msg: text, ...fields, runtime: NAME });
    const line = pairs.map(([key, value]) => `${key}=${formatValue(value)}`).join(" ");
    try {
      writeSync(this.#descriptor, `${line}\n`);
    } catch {
      // EAGAIN: full; anything else: there is no log
    }
  }
}

const NAME = "io.containerd.rune.v2";

function formatValue(value: string): string {
  return /^[\w.:/@^+-]+$/u.test(value) ? value : JSON.stringify(value);
}
