import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShimBed } from "./shim-bed.ts";

const DEADLINE_MS = 20_000;

/**
 * runc, which can be made to stop before or after a command: so a test finds the shim exactly where it wants it. What holds
 * it is a file; who is held says so with another.
 */
export class HeldRuntime {
  /** Flags of `ctr run`. */
  readonly flags: readonly string[];
  readonly #folder: string;

  constructor(shim: ShimBed, name = "held") {
    this.#folder = shim.bed.path(name);
    mkdirSync(this.#folder);
    const program = join(this.#folder, "runc");
    const script = [
      "#!/bin/sh",
      "for word; do case $word in create|start|exec|kill|delete|ps|pause|resume|update) command=$word; break;; esac; done",
      'hold() { while [ -e "$0.$1" ]; do : > "$0.$1.reached"; sleep 0.02; done; }',
      "hold before-$command",
      'runc "$@"',
      "code=$?",
      "hold after-$command",
      "exit $code",
    ];
    writeFileSync(program, `${script.join("\n")}\n`, { mode: 0o755 });
    const options = join(this.#folder, "options.toml");
    writeFileSync(options, `BinaryName = "${program}"\n`);
    this.flags = ["--runtime-config-path", options];
  }

  /** @param moment `before-create`, `after-start`, … From now on whoever comes there stays there. */
  hold(moment: string): void {
    writeFileSync(this.#file(moment), "");
  }

  /** Waits until somebody is held. */
  async reached(moment: string): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !existsSync(`${this.#file(moment)}.reached`); await sleep(10))
      if (Date.now() > deadline) throw new Error(`nobody comes to ${moment}`);
  }

  release(): void {
    for (const command of ["create", "start", "exec", "kill", "delete", "ps", "pause", "resume", "update"])
      for (const when of ["before", "after"]) {
        rmSync(this.#file(`${when}-${command}`), { force: true });
        rmSync(`${this.#file(`${when}-${command}`)}.reached`, { force: true });
      }
  }

  #file(moment: string): string {
    return join(this.#folder, `runc.${moment}`);
  }
}
