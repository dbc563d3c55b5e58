import type { Asked, Lifecycle, LifecycleEngine } from "@inclavare/container";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { PlainRuntime } from "./plain.ts";
import type { CheckpointSetup, CreateSetup, ExecSetup, Runtime } from "./runtime.ts";

const NO_SIGNALS = { [Symbol.dispose]: () => undefined };

/** Enclave containers, by what rune does for them; the low-level runtime answers what it can answer for any container. */
export class EnclaveContainerRuntime implements Runtime {
  readonly #lifecycle: Lifecycle;
  readonly #engine: LifecycleEngine;
  readonly #asked: Asked;
  readonly #plain: PlainRuntime;

  constructor(lifecycle: Lifecycle, engine: LifecycleEngine, asked: Asked) {
    this.#lifecycle = lifecycle;
    this.#engine = engine;
    this.#asked = asked;
    this.#plain = new PlainRuntime(engine.runc);
  }

  async create({ consoleSocket, ...setup }: CreateSetup): Promise<void> {
    const options = { ...setup, preservedDescriptors: 0, ...(consoleSocket === undefined ? {} : { consoleSocket }) };
    await this.#lifecycle.createContainer(this.#engine, options, this.#asked);
  }

  async start(id: string): Promise<void> {
    await this.#lifecycle.startContainer(this.#engine, id);
  }

  async exec({ id, pidFile, stdio, consoleSocket, process }: ExecSetup): Promise<void> {
    const { parseProcess } = await import("@inclavare/oci");
    const described = parseProcess(Buffer.from(process), "the process");
    const code = await this.#lifecycle.execInContainer(this.#engine, {
      id,
      pidFile,
      stdio,
      ...(consoleSocket === undefined ? {} : { consoleSocket }),
      process: { ...described, args: described.args ?? [] },
      detach: true,
      ignorePaused: false,
      cgroup: [],
      preservedDescriptors: 0,
      forwardSignals: () => NO_SIGNALS,
    });
    if (code !== 0) throw new InclavareError("ERR_RUNC", `runc exec ended with status ${code} and said nothing`);
  }

  async kill(id: string, signal: number, all: boolean): Promise<void> {
    await this.#lifecycle.killContainer(this.#engine, id, { signal, all });
  }

  async delete(id: string, force: boolean): Promise<void> {
    try {
      await this.#lifecycle.deleteContainer(this.#engine, id, force);
    } catch (error) {
      if (!isInclavareError(error, "ERR_CONTAINER_NOT_FOUND")) throw error;
    }
  }

  async pids(id: string): Promise<readonly number[]> {
    return await this.#plain.pids(id);
  }

  async pause(id: string): Promise<void> {
    await this.#plain.pause(id);
  }

  async resume(id: string): Promise<void> {
    await this.#plain.resume(id);
  }

  async update(id: string, resources: Uint8Array): Promise<void> {
    const asked = { text: resources, what: "the resources" };
    await this.#lifecycle.updateContainer(this.#engine, id, { flags: [], resources: asked });
  }

  checkpoint({ id }: CheckpointSetup): Promise<void> {
    throw new InclavareError(
      "ERR_CHECKPOINT_UNSUPPORTED",
      `what is in the enclave of container ${id} does not leave it`,
    );
  }
}
