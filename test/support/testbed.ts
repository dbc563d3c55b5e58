import {
  type ChildProcess,
  execFileSync,
  spawn,
  type SpawnOptions,
  spawnSync,
  type SpawnSyncReturns,
} from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "..", "..");
/** The commands as they are installed: the build's, or those of an installation that is to be tested. */
export const BIN: string = process.env["INCLAVARE_TEST_BIN"] ?? join(root, "dist", "bin");
const PAYLOAD = join(BIN, "..", "lib", "inclavare", "payload");
const READY_DEADLINE_MS = 30_000;

/** Why tests that make containers cannot run here, or false. As root and in CI this counts as a failure. */
export function cannotRun(...programs: string[]): string | false {
  if (process.getuid?.() !== 0) return "requires root: containers are made by root";
  for (const program of ["runc", ...programs]) {
    const found = (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
    if (!found) return `requires ${program}: it is not installed`;
  }
  return existsSync(join(PAYLOAD, "payload.json")) ? false : "requires build: run make setup";
}

/** A spec as `runc spec` writes it, without a terminal. */
export interface MutableSpec {
  process: { args: string[]; env: string[]; terminal: boolean; [key: string]: unknown };
  annotations: Record<string, string>;
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  linux: Record<string, unknown>;
  root: { path: string; readonly: boolean };
  [key: string]: unknown;
}

/** A node of its own: platform, attesterd, configuration, rune's and runc's state, all in one temporary folder. */
export class Testbed implements AsyncDisposable {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #children: ChildProcess[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    const config = this.path("config.toml");
    writeFileSync(
      config,
      `[rune]\nstate = "${this.path("rune")}"\npayload = "${PAYLOAD}"\n\n` +
        `[attesterd]\nsocket = "${this.path("attesterd.sock")}"\nplatform = "${this.path("platform")}"\n\n` +
        `[conversion]\ncache = "${this.path("enclaves")}"\n`,
    );
    this.env = { ...process.env, INCLAVARE_CONFIG: config };
  }

  static async create(name: string): Promise<Testbed> {
    const bed = new Testbed(mkdtempSync(join(tmpdir(), `inclavare-e2e-${name}-`)));
    execFileSync(join(BIN, "attesterd"), ["init"], { env: bed.env, stdio: ["ignore", "ignore", "inherit"] });
    await bed.startAttesterd();
    return bed;
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  async startAttesterd(): Promise<ChildProcess> {
    return await this.startDaemon(join(BIN, "attesterd"), ["serve", "--ready-fd", "3"]);
  }

  /** Starts a daemon that writes a line to descriptor 3 once it is ready. */
  async startDaemon(program: string, args: readonly string[]): Promise<ChildProcess> {
    const child = spawn(program, args, { env: this.env, stdio: ["ignore", "ignore", "inherit", "pipe"] });
    this.#children.push(child);
    const ready = child.stdio[3];
    if (ready === null || ready === undefined) throw new Error("no ready descriptor");
    await Promise.race([
      once(ready, "data", { signal: AbortSignal.timeout(READY_DEADLINE_MS) }),
      once(child, "exit").then(() => Promise.reject(new Error(`${program} ended before it was ready`))),
    ]);
    return child;
  }

  /** Remembers a process that is to be ended with the testbed. */
  own(child: ChildProcess): ChildProcess {
    this.#children.push(child);
    return child;
  }

  /** rune's and runc's command line up to the command. */
  runeArgs(...args: string[]): string[] {
    return ["--root", this.path("runc"), ...args];
  }

  rune(...args: string[]): SpawnSyncReturns<string> {
    return this.runeWith({}, ...args);
  }

  runeWith(
    options: { input?: string; cwd?: string; env?: NodeJS.ProcessEnv },
    ...args: string[]
  ): SpawnSyncReturns<string> {
    return spawnSync(join(BIN, "rune"), this.runeArgs(...args), {
      encoding: "utf8",
      timeout: 60_000,
      killSignal: "SIGKILL",
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  /** For commands whose descriptors a container inherits: `spawnSync` would wait until the container has closed them. */
  runeDetached(outputName: string, ...args: string[]): { status: number | null; output: () => string } {
    const output = this.path(outputName);
    const command = 'out=$1; shift; exec "$@" >"$out" 2>&1 </dev/null';
    const words = ["-c", command, "sh", output, join(BIN, "rune"), ...this.runeArgs(...args)];
    const { status } = spawnSync("sh", words, { env: this.env, timeout: 60_000, killSignal: "SIGKILL" });
    return { status, output: () => readFileSync(output, "utf8") };
  }

  spawnRune(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn(join(BIN, "rune"), this.runeArgs(...args), { env: this.env, ...options });
  }

  runc(...args: string[]): SpawnSyncReturns<string> {
    return spawnSync("runc", this.runeArgs(...args), { encoding: "utf8", timeout: 60_000 });
  }

  /** Adds lines to the [rune] table of the configuration. */
  configure(...lines: readonly string[]): void {
    const file = this.path("config.toml");
    writeFileSync(file, readFileSync(file, "utf8").replace("[rune]\n", `[rune]\n${lines.join("\n")}\n`));
  }

  /** A bundle whose root holds the given files, with `edit` applied to the spec. @returns its folder */
  bundle(name: string, files: Readonly<Record<string, Uint8Array>>, edit: (spec: MutableSpec) => void): string {
    const bundle = this.path(name);
    // The mount points that runc would make, so that a test sees whether anything else is made.
    for (const point of ["proc", "sys", "dev"]) mkdirSync(join(bundle, "rootfs", point), { recursive: true });
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(join(bundle, "rootfs", path, ".."), { recursive: true });
      writeFileSync(join(bundle, "rootfs", path), bytes, { mode: 0o755 });
    }
    execFileSync("runc", ["spec", "--bundle", bundle]);
    const file = join(bundle, "config.json");
    const spec = JSON.parse(readFileSync(file, "utf8")) as MutableSpec;
    spec.annotations = {};
    spec.process.terminal = false;
    edit(spec);
    writeFileSync(file, JSON.stringify(spec));
    return bundle;
  }

  /** A file that rune keeps for a container, in the folder of whatever root. */
  find(container: string, name: string): string {
    const state = this.path("rune");
    const found = list(state)
      .map((root) => join(state, root, container, name))
      .find((path) => existsSync(path));
    if (found === undefined) throw new Error(`there is no ${name} of ${container}`);
    return found;
  }

  /** Waits until `status` of the container is the wanted one. */
  async until(id: string, wanted: string): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (let status = ""; status !== wanted;) {
      const { stdout } = this.rune("state", id);
      status = stdout === "" ? "" : (JSON.parse(stdout) as { status: string }).status;
      if (status === wanted) return;
      if (Date.now() > deadline) throw new Error(`${id} is ${status}, expected ${wanted}`);
      await sleep(50);
    }
  }

  /**
   * What is left of containers on the machine: processes of ours, mounts, cgroups and sockets that carry this testbed's
   * folder or the container's name, folders of state.
   */
  traces(marker: string): string[] {
    const lists = [
      findProcesses(marker),
      readFileSync("/proc/self/mounts", "utf8")
        .split("\n")
        .filter((line) => line.includes(this.directory)),
      readFileSync("/proc/net/unix", "utf8")
        .split("\n")
        .filter((line) => line.includes(this.path("rune")) && line.includes(marker)),
      findFolders("/sys/fs/cgroup", marker),
      findFolders(this.path("runc"), marker),
      findFolders(this.path("rune"), marker),
    ];
    return lists.flat();
  }

  /** Removes everything. @returns what containers whose names carry `marker` have left behind, see {@link traces} */
  async close(marker: string): Promise<string[]> {
    try {
      return this.traces(marker);
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of list(this.path("runc"))) this.rune("delete", "--force", id);
    for (const child of this.#children.toReversed()) await stop(child);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Processes in a cgroup of such a name; one that has ended and waits for the machine's own pid 1 is gone for us. */
function findProcesses(marker: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(marker)) return [];
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return stat.includes(") Z ") ? [] : [`process ${stat.split(" ").slice(0, 4).join(" ")}`];
      } catch {
        return []; // ended while we looked
      }
    });
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function findFolders(folder: string, marker: string): string[] {
  if (!existsSync(folder)) return [];
  // Others' folders come and go while it looks; it then ends with 1, having found what there is.
  const { stdout } = spawnSync("find", [folder, "-name", `*${marker}*`], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "");
}

/** Ends a child of ours: asked first, then killed. */
export async function stop(child: ChildProcess, deadlineMs = 10_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  await exited;
  clearTimeout(timer);
}
