import { type ChildProcess, execFileSync, spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { probeProgram } from "./probe-program.ts";
import { BIN, stop, Testbed } from "./testbed.ts";

const READY_DEADLINE_MS = 30_000;
/** The image of the tests: busybox as a plain program, the probe as a WASI one, both in one root. */
const IMAGE = "probe";
const APPLETS = ["sh", "cat", "echo", "sleep", "true", "ls", "id", "env", "stty", "touch", "kill"];
const WITH_RUNE = JSON.stringify({ runtimes: { rune: { path: join(BIN, "rune") } } });
const CGROUPS = "/sys/fs/cgroup";
/** What dockerd makes at a place that cannot be chosen. */
const FIXED_FOLDER = "/run/docker";
/** By these an ordinary container becomes an enclave container. */
export const ENCLAVE = ["-e", "ENCLAVE_TYPE=simulated", "-e", "ENCLAVE_RUNTIME_PATH=wasm"] as const;

/** A real dockerd of this test's own, with rune as a runtime, and everything that belongs to it in one folder. */
export class Docker implements AsyncDisposable {
  readonly bed: Testbed;
  /** The parent of every container's cgroup, and by that the mark of this test. */
  readonly marker: string;
  readonly #hadFixedFolder = existsSync(FIXED_FOLDER);
  #daemon: ChildProcess | undefined;

  private constructor(bed: Testbed, marker: string) {
    this.bed = bed;
    this.marker = marker;
  }

  /** @param daemonJson text of dockerd's configuration; by default it has rune as a runtime */
  static async create(name: string, daemonJson: string = WITH_RUNE): Promise<Docker> {
    const docker = new Docker(await Testbed.create(name), `e2e${name}${process.pid}x`);
    try {
      writeFileSync(docker.bed.path("daemon.json"), daemonJson);
      await docker.#start();
      await docker.#importImage();
      return docker;
    } catch (error) {
      await docker[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Any command of docker's, with nothing to read. */
  docker(...args: readonly string[]): SpawnSyncReturns<string> {
    return this.dockerWith("", ...args);
  }

  /** A command that reads `input`. */
  dockerWith(input: string, ...args: readonly string[]): SpawnSyncReturns<string> {
    const env = { ...this.bed.env, DOCKER_HOST: this.host, DOCKER_CONFIG: this.bed.path("client") };
    return spawnSync("docker", [...args], {
      encoding: "utf8",
      env,
      input,
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
  }

  /** A command that must succeed. @returns what it printed, without the last line's end */
  must(...args: readonly string[]): string {
    const { status, stdout, stderr } = this.docker(...args);
    if (status !== 0) throw new Error(`docker ${args.join(" ")} ended with ${status}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** `docker run` under rune, removed afterwards. */
  run(...args: readonly string[]): SpawnSyncReturns<string> {
    return this.docker("run", "--rm", "--network", "none", "--runtime", "rune", ...args);
  }

  /** A container in the background under rune. @returns its name */
  start(name: string, ...args: readonly string[]): string {
    this.must("run", "-d", "--name", name, "--network", "none", "--runtime", "rune", ...args);
    return name;
  }

  /** A command under a terminal of its own, which `script` makes. */
  terminal(...args: readonly string[]): SpawnSyncReturns<string> {
    const command = ["docker", ...args].map((word) => `'${word}'`).join(" ");
    return spawnSync("script", ["-qec", command, "/dev/null"], {
      encoding: "utf8",
      env: { ...this.bed.env, DOCKER_HOST: this.host, TERM: "dumb" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
  }

  inspect(name: string, format: string): string {
    return this.must("inspect", "-f", format, name);
  }

  async until(name: string, format: string, wanted: string): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    for (let found = ""; found !== wanted; await sleep(100)) {
      found = this.inspect(name, format);
      if (Date.now() > deadline) throw new Error(`${name} is ${found}, expected ${wanted}`);
    }
  }

  /** Ends everything. @returns what containers have left behind */
  async close(): Promise<string[]> {
    this.#removeContainers();
    await this.#containersGone();
    await this.#stop();
    return await this.bed.close(this.marker);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#removeContainers();
    await this.#stop();
    await this.bed[Symbol.asyncDispose]();
  }

  /** Where dockerd listens, as DOCKER_HOST. */
  get host(): string {
    return `unix://${this.bed.path("docker.sock")}`;
  }

  async #start(): Promise<void> {
    const { bed } = this;
    const log = openSync(bed.path("dockerd.log"), "w");
    const flags = {
      "config-file": bed.path("daemon.json"),
      "data-root": bed.path("data"),
      "exec-root": bed.path("exec"),
      pidfile: bed.path("docker.pid"),
      host: this.host,
      bridge: "none",
      iptables: "false",
      "ip-forward": "false",
      "ip-masq": "false",
      "userland-proxy": "false",
      "cgroup-parent": `/${this.marker}`,
    };
    const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    this.#daemon = spawn("dockerd", words, { env: bed.env, stdio: ["ignore", log, log] });
    closeSync(log);
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (this.docker("version").status !== 0) {
      if (Date.now() > deadline || this.#daemon.exitCode !== null) {
        throw new Error(`dockerd does not answer: ${readFileSync(bed.path("dockerd.log"), "utf8").slice(-2000)}`);
      }
      await sleep(100);
    }
  }

  async #importImage(): Promise<void> {
    const root = this.bed.path("image");
    for (const folder of ["bin", "app", "tmp", "etc"]) mkdirSync(join(root, folder), { recursive: true });
    copyFileSync("/bin/busybox", join(root, "bin", "busybox"));
    chmodSync(join(root, "bin", "busybox"), 0o755);
    for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
    writeFileSync(join(root, "app", "main.wasm"), await probeProgram(), { mode: 0o755 });
    writeFileSync(join(root, "app", "data"), "no program");
    execFileSync("tar", ["-C", root, "-cf", this.bed.path("image.tar"), "."]);
    this.must("import", "-c", "ENV PATH=/bin:/app", this.bed.path("image.tar"), IMAGE);
  }

  #removeContainers(): void {
    const { stdout, status } = this.docker("ps", "-aq");
    if (status === 0 && stdout !== "") this.docker("rm", "-f", ...stdout.trimEnd().split("\n"));
  }

  /** dockerd does not wait for containerd, which removes in its own time what is left of a container. */
  async #containersGone(): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (this.#containerCgroups().length > 0 && Date.now() < deadline) await sleep(100);
    const left = this.#containerCgroups();
    if (left.length === 0) return;
    const log = readFileSync(this.bed.path("dockerd.log"), "utf8").slice(-4000);
    console.error(`cgroups of containers that dockerd has removed: ${left.join(" ")}\n${log}`);
  }

  #containerCgroups(): string[] {
    return this.#cgroups().flatMap((parent) =>
      readdirSync(parent, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(parent, name)),
    );
  }

  async #stop(): Promise<void> {
    if (this.#daemon === undefined) return;
    await stop(this.#daemon, 20_000);
    const mounts = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .flatMap((line) => line.split(" ")[1] ?? []);
    // The network namespaces of `--network none`, which dockerd keeps for its next start.
    for (const mount of mounts.filter((path) => path.startsWith(this.bed.path("exec")))) {
      spawnSync("umount", ["--lazy", mount]);
    }
    this.#removeCgroups();
    if (!this.#hadFixedFolder) rmSync(FIXED_FOLDER, { recursive: true, force: true });
  }

  /** dockerd leaves the parent that it was given. */
  #removeCgroups(): void {
    for (const folder of this.#cgroups()) {
      try {
        rmdirSync(folder);
      } catch {
        // not empty: what is in it is a container's trace, and is found as one
      }
    }
  }

  /** The parent of every container's cgroup, in each hierarchy. */
  #cgroups(): string[] {
    return ["", ...readdirSync(CGROUPS)]
      .map((name) => join(CGROUPS, name, this.marker))
      .filter((path) => existsSync(path));
  }
}
