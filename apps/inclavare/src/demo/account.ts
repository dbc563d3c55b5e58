import type { Output } from "@inclavare/cli";

/** Tells a person, step by step, what the demonstration does: the step, the command, what came of it. */
export class Account {
  readonly #output: Output;
  readonly #startedAt: number;

  constructor(output: Output, now: number) {
    this.#output = output;
    this.#startedAt = now;
  }

  step(number: number, of: number, title: string): void {
    this.#output.write(`\n[${number}/${of}] ${title}\n`);
  }

  attack(number: number, of: number, title: string): void {
    this.#output.write(`\n[attack ${number}/${of}] ${title}\n`);
  }

  /** A command as a person would type it. */
  command(line: string): void {
    this.#output.write(`      $ ${line}\n`);
  }

  /** What a command said, or a sentence of ours; each line is indented. */
  say(text: string): void {
    for (const line of text.trimEnd().split("\n")) this.#output.write(`      ${line}\n`);
  }

  finish(now: number, text: string): void {
    this.#output.write(`\n${text} (${((now - this.#startedAt) / 1000).toFixed(1)} s)\n`);
  }
}
