import { type ChildProcess, spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { BIN, type Testbed } from "./testbed.ts";

const READY_DEADLINE_MS = 30_000;

/** Another containerd than the one in PATH, by the folder of its commands: the same tests run against any version. */
const OTHER_BIN = process.env["INCLAVARE_TEST_CONTAINERD"];
const PATH = [...(OTHER_BIN === undefined ? [] : [OTHER_BIN]), process.env["PATH"] ?? ""].join(":");
/** Plugins that reach out, by the names of versions 1 and 2. */
const DISABLED = ["btrfs", "aufs", "zfs", "devmapper", "blockfile"].map(
  (name) => `io.containerd.snapshotter.v1.${name}`,
);
const CRI = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"];

export interface ContainerdOptions {
  /** Tables of the CRI plugin's configuration; with them the daemon gets a network namespace of its own. Left out: no CRI. */
  readonly cri?: string;
}

/** A containerd of the test's own: root, state and socket in the testbed's folder, no plugin that reaches out. */
export class Containerd {
  readonly #bed: Testbed;
  readonly #folder: string;
  /** Whose network namespace the daemon lives in; undefined: the machine's. */
  readonly #network: number | undefined;
  #daemon: ChildProcess | undefined;

  private constructor(bed: Testbed, folder: string, network: number | undefined) {
    this.#bed = bed;
    this.#folder = folder;
    this.#network = network;
  }

  static async start(bed: Testbed, { cri }: ContainerdOptions = {}): Promise<Containerd> {
    const folder = bed.path("containerd");
    mkdirSync(folder, { recursive: true });
    const address = `${folder}/c.sock`;
    writeFileSync(
      `${folder}/config.toml`,
      `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\n` +
        `disabled_plugins = ${JSON.stringify(cri === undefined ? [...CRI, ...DISABLED] : DISABLED)}\n` +
        `[grpc]\naddress = "${address}"\n[ttrpc]\naddress = "${address}.ttrpc"\n[debug]\nlevel = "warn"\n${cri ?? ""}`,
    );
    const containerd = new Containerd(bed, folder, cri === undefined ? undefined : await holdNetwork(bed));
    await containerd.launch();
    return containerd;
  }

  /** Starts the daemon, for the first time or again; shims are looked for among the commands under test first. */
  async launch(): Promise<void> {
    const env = { ...this.env, PATH: `${BIN}:${PATH}` };
    const command = ["containerd", "--config", `${this.#folder}/config.toml`];
    const inside = this.#network === undefined ? [] : ["nsenter", "--target", String(this.#network), "--net", "--"];
    const [program = "", ...args] = [...inside, ...command];
    const log = openSync(this.logFile, "a");
    this.#daemon = spawn(program, args, { env, stdio: ["ignore", "ignore", log] });
    closeSync(log);
    this.#bed.own(this.#daemon);
    for (const deadline = Date.now() + READY_DEADLINE_MS; this.ctr("version").status !== 0; await sleep(100)) {
      if (Date.now() > deadline) throw new Error(`containerd does not answer: ${readFileSync(this.logFile, "utf8")}`);
    }
  }

  /** For commands that come with this containerd. */
  get env(): NodeJS.ProcessEnv {
    return { ...this.#bed.env, PATH };
  }

  /** What the daemon says, and the shims through it. */
  get logFile(): string {
    return `${this.#folder}/log`;
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0;
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
    this.#bed.own(spawn("ctr", args, { env: this.env, stdio: ["ignore", output, "ignore"] }));
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
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}

/** A process that does nothing but keep a network namespace, with its loopback up, beyond the daemon's death. */
async function holdNetwork(bed: Testbed): Promise<number> {
  const script = "ip link set lo up; echo ready; exec sleep infinity >/dev/null";
  const child = spawn("unshare", ["--net", "sh", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  bed.own(child);
  await once(child.stdout, "data", { signal: AbortSignal.timeout(READY_DEADLINE_MS) });
  return child.pid ?? 0;
}
