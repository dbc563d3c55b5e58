import { type ChildProcess, spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { BIN, type Testbed } from "./testbed.ts";

const READY_DEADLINE_MS = 30_000;

/** A containerd of the test's own: root, state and socket in the testbed's folder, no plugin that reaches out. */
export class Containerd {
  readonly #bed: Testbed;
  readonly #folder: string;
  #daemon: ChildProcess | undefined;

  private constructor(bed: Testbed, folder: string) {
    this.#bed = bed;
    this.#folder = folder;
  }

  static async start(bed: Testbed): Promise<Containerd> {
    const folder = bed.path("containerd");
    mkdirSync(folder, { recursive: true });
    const address = `${folder}/c.sock`;
    const config = `${folder}/config.toml`;
    writeFileSync(
      config,
      `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\n` +
        `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", ` +
        `"io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]\n` +
        `[grpc]\naddress = "${address}"\n[ttrpc]\naddress = "${address}.ttrpc"\n[debug]\nlevel = "warn"\n`,
    );
    const containerd = new Containerd(bed, folder);
    await containerd.launch();
    return containerd;
  }

  /** Starts the daemon, for the first time or again; shims are looked for among the commands under test first. */
  async launch(): Promise<void> {
    const env = { ...this.#bed.env, PATH: `${BIN}:${process.env["PATH"] ?? ""}` };
    const config = `${this.#folder}/config.toml`;
    this.#daemon = spawn("containerd", ["--config", config], { env, stdio: ["ignore", "ignore", "ignore"] });
    this.#bed.own(this.#daemon);
    for (const deadline = Date.now() + READY_DEADLINE_MS; this.ctr("version").status !== 0; await sleep(100)) {
      if (Date.now() > deadline) throw new Error("containerd does not answer");
    }
  }

  /** Ends the daemon as a power cut would; shims stay. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    const exited = once(daemon, "exit");
    daemon.kill("SIGKILL");
    await exited;
  }

  get address(): string {
    return `${this.#folder}/c.sock`;
  }

  /** The bundles of one namespace. */
  bundles(namespace: string): string {
    return `${this.#folder}/state/io.containerd.runtime.v2.task/${namespace}`;
  }

  /** Where events are published. */
  get ttrpcAddress(): string {
    return `${this.address}.ttrpc`;
  }

  /** Shows the events of all namespaces from now on, a line each, as `ctr events` prints them. */
  watchEvents(): { text(): string } {
    const file = this.#bed.path(`events-${Date.now()}`);
    const output = openSync(file, "w");
    const args = ["--address", this.address, "events"];
    this.#bed.own(spawn("ctr", args, { env: this.#bed.env, stdio: ["ignore", output, "ignore"] }));
    closeSync(output);
    return { text: () => readFileSync(file, "utf8") };
  }

  /** Flags that keep what ctr makes by itself out of /run. */
  get fifoFlags(): string[] {
    return ["--fifo-dir", this.#bed.path("fifo")];
  }

  get runtimeFlags(): string[] {
    return [...this.fifoFlags, "--runc-root", this.#bed.path("ctr-runc")];
  }

  ctr(...args: string[]): SpawnSyncReturns<string> {
    return spawnSync("ctr", ["--address", this.address, ...args], {
      encoding: "utf8",
      timeout: 60_000,
      killSignal: "SIGKILL",
      env: this.#bed.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}
