import { type ChildProcess, spawn, type SpawnOptions, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BIN, type MutableSpec, type Testbed } from "../support/testbed.ts";

/** Who is asked: runc itself, rune with a plain container, rune with an enclave container. */
export type Kind = "runc" | "rune" | "enclave";

/** What a command did, with everything taken out that differs from call to call. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Descriptors from 3 on. */
  readonly descriptors?: readonly number[];
}

/** What `state` prints. */
export interface State {
  readonly [key: string]: unknown;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const DEADLINE_MS = 60_000;
const UNTIL_MS = 20_000;

/** One runtime with containers of one sort, below a root of its own. */
export class Subject {
  readonly kind: Kind;
  readonly bed: Testbed;
  readonly root: string;
  readonly #marker: string;
  readonly #program: Uint8Array;
  #count = 0;

  constructor(kind: Kind, bed: Testbed, marker: string, program: Uint8Array) {
    this.kind = kind;
    this.bed = bed;
    this.root = bed.path(`root-${kind}`);
    this.#marker = marker;
    this.#program = program;
  }

  /** A cgroup that is this subject's alone. */
  get cgroup(): string {
    return `${this.#marker}${this.kind}cgroup`;
  }

  get program(): string {
    return this.kind === "runc" ? "runc" : join(BIN, "rune");
  }

  /** A name that nothing else on the machine has. */
  id(): string {
    return `${this.#marker}${this.kind}${this.#count++}`;
  }

  /** A path that is this subject's alone; the same for all subjects once normalised. */
  path(name: string): string {
    return this.bed.path(`own-${this.kind}-${name}`);
  }

  /** A bundle whose process is the probe. */
  bundle(args: readonly string[], edit: (spec: MutableSpec) => void = () => undefined): string {
    return this.bed.bundle(`bundle-${this.kind}-${this.#count++}`, { probe: this.#program }, (spec) => {
      spec.process.args = ["/probe", ...args];
      spec.annotations = {};
      edit(spec);
      if (this.kind === "enclave")
        spec.annotations = { ...spec.annotations, "enclave.type": "simulated", "enclave.runtime.path": "wasm" };
    });
  }

  /** Runs a command whose output ends with it. */
  call(...words: string[]): Outcome {
    return this.callWith({}, ...words);
  }

  callWith({ descriptors = [], env, ...options }: CallOptions, ...words: string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(this.program, ["--root", this.root, ...words], {
      encoding: "utf8",
      timeout: DEADLINE_MS,
      killSignal: "SIGKILL",
      maxBuffer: 1 << 24,
      ...options,
      env: { ...this.bed.env, ...env },
      stdio: ["pipe", "pipe", "pipe", ...descriptors],
    });
    return { status, stdout: this.normalise(stdout), stderr: this.normalise(stderr) };
  }

  /** Runs a command that leaves a container behind, which holds the output open. */
  callDetached(words: readonly string[], { env, descriptors = [], cwd }: CallOptions = {}): Outcome {
    const output = this.path("detached.out");
    const shell = 'out=$1; shift; export LISTEN_PID=$$; exec "$@" >"$out" 2>&1 </dev/null';
    const { status } = spawnSync("sh", ["-c", shell, "sh", output, this.program, "--root", this.root, ...words], {
      env: { ...this.bed.env, ...env },
      timeout: DEADLINE_MS,
      killSignal: "SIGKILL",
      stdio: ["ignore", "ignore", "ignore", ...descriptors],
      ...(cwd === undefined ? {} : { cwd }),
    });
    return { status, stdout: "", stderr: this.normalise(readFileSync(output, "utf8")) };
  }

  spawn(words: readonly string[], options: SpawnOptions): ChildProcess {
    return spawn(this.program, ["--root", this.root, ...words], { env: this.bed.env, ...options });
  }

  /** A created container. */
  created(args: readonly string[], edit?: (spec: MutableSpec) => void, flags: readonly string[] = []): string {
    const id = this.id();
    this.mustDetached(["create", "-b", this.bundle(args, edit), ...flags, id]);
    return id;
  }

  started(args: readonly string[], edit?: (spec: MutableSpec) => void, flags: readonly string[] = []): string {
    const id = this.created(args, edit, flags);
    this.must("start", id);
    return id;
  }

  /** @throws when the command fails, with what it said */
  must(...words: string[]): string {
    const { status, stdout, stderr } = this.call(...words);
    if (status !== 0) throw new Error(`${this.kind} ${words.join(" ")}: ${status} ${stderr}`);
    return stdout;
  }

  mustDetached(words: readonly string[], options?: CallOptions): void {
    const { status, stderr } = this.callDetached(words, options);
    if (status !== 0) throw new Error(`${this.kind} ${words.join(" ")}: ${status} ${stderr}`);
  }

  /** The state as it is printed, nothing normalised. */
  state(id: string): State {
    const { stdout, stderr } = spawnSync(this.program, ["--root", this.root, "state", id], {
      encoding: "utf8",
      env: this.bed.env,
      timeout: DEADLINE_MS,
    });
    if (stdout === "") throw new Error(`${this.kind} state ${id}: ${stderr}`);
    return JSON.parse(stdout) as State;
  }

  status(id: string): string {
    return this.state(id).status;
  }

  async until(id: string, wanted: string): Promise<string> {
    for (const deadline = Date.now() + UNTIL_MS; ; await sleep(20)) {
      const status = this.status(id);
      if (status === wanted || Date.now() > deadline) return status;
    }
  }

  remove(...ids: string[]): void {
    for (const id of ids) this.must("delete", "--force", id);
  }

  /** Takes out names, paths, times and process ids, and the code that ends each error of ours. */
  normalise(text: string): string {
    return text
      .replaceAll(new RegExp(`${this.#marker}(?:runc|rune|enclave)\\d+`, "gu"), "ID")
      .replaceAll(new RegExp(`${this.bed.directory}/bundle-[a-z]+-\\d+`, "gu"), "BUNDLE")
      .replaceAll(this.cgroup, "CGROUP")
      .replaceAll(this.root, "ROOT")
      .replaceAll(new RegExp(`${this.bed.directory}/own-[a-z]+-`, "gu"), "OWN/")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/gu, "TIME")
      .replaceAll(/ \(ERR_[A-Z_]+\)/gu, "");
  }

  /** Ends what a failed test has left. */
  close(): void {
    let ids: string[] = [];
    try {
      ids = readdirSync(this.root);
    } catch {
      // no container was ever made
    }
    for (const id of ids) this.call("delete", "--force", id);
    rmSync(this.root, { recursive: true, force: true });
  }
}
