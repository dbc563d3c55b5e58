import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { probeProgram } from "./probe-program.ts";
import { type MutableSpec, Testbed } from "./testbed.ts";

/** A testbed with containers that run the probe program, made from an ordinary image. */
export class Probes {
  readonly bed: Testbed;
  /** What every container's id starts with; unique on the machine, for runc names cgroups after the id alone. */
  readonly marker: string;
  readonly #program: Uint8Array;
  #count = 0;

  private constructor(bed: Testbed, marker: string, program: Uint8Array) {
    this.bed = bed;
    this.marker = marker;
    this.#program = program;
  }

  static async create(name: string): Promise<Probes> {
    return new Probes(await Testbed.create(name), `e2e${name}${process.pid}x`, await probeProgram());
  }

  /** A new number, a new container's id. */
  number(): number {
    return this.#count++;
  }

  id(): string {
    return `${this.marker}${this.number()}`;
  }

  /** A bundle whose root is read-only and which asks for an enclave. */
  bundle(args: readonly string[], edit: (spec: MutableSpec) => void = () => undefined): string {
    return this.bed.bundle(`bundle-${this.number()}`, { "app.wasm": this.#program }, (spec) => {
      spec.annotations = { "enclave.type": "simulated", "enclave.runtime.path": "wasm" };
      spec.process.args = ["/app.wasm", ...args];
      spec.root.readonly = true;
      edit(spec);
    });
  }

  /** A created container whose output goes to a file. */
  created(args: readonly string[], edit?: (spec: MutableSpec) => void): { container: string; output: () => string } {
    const container = this.id();
    const words = ["create", "-b", this.bundle(args, edit), container];
    const { status, output } = this.bed.runeDetached(`${container}.out`, ...words);
    assert.equal(status, 0, output());
    return { container, output };
  }

  /** A started one. */
  started(args: readonly string[], edit?: (spec: MutableSpec) => void): { container: string; output: () => string } {
    const made = this.created(args, edit);
    this.start(made.container);
    return made;
  }

  start(container: string): void {
    const { status, stderr } = this.bed.rune("start", container);
    assert.equal(status, 0, stderr);
  }

  remove(container: string): void {
    const { status, stderr } = this.bed.rune("delete", "--force", container);
    assert.equal(status, 0, stderr);
  }

  state(container: string): { status: string; bundle: string; pid: number } {
    const { stdout, stderr } = this.bed.rune("state", container);
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout) as { status: string; bundle: string; pid: number };
  }

  /** A file that rune keeps for a container. */
  file(container: string, name: string): string {
    return this.bed.find(container, name);
  }

  /** Ends everything. @throws when a container has left something behind */
  async close(): Promise<void> {
    assert.deepEqual(await this.bed.close(this.marker), []);
  }
}

export function readPid(path: string): number {
  return Number(readFileSync(path, "utf8"));
}
