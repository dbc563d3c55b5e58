import assert from "node:assert/strict";
import { spawn, type SpawnSyncReturns } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "@inclavare/ttrpc";
import { Containerd } from "./containerd.ts";
import { Testbed } from "./testbed.ts";

const RUNTIME = "io.containerd.rune.v2";
const SOCKETS = "/run/containerd/s";
const RUNC_STATE = "/run/containerd/runc";
const DEADLINE_MS = 20_000;

/** What `ctr` said, and the shim beneath it. */
type Ran = SpawnSyncReturns<string>;
type Input = (stdin: NodeJS.WritableStream) => Promise<void>;
interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A containerd of the test's own that runs its containers with our shim, in a namespace that nobody else has. */
export class ShimBed {
  readonly bed: Testbed;
  readonly containerd: Containerd;
  readonly namespace: string;
  readonly rootfs: string;
  /** Of the containers that were run in the simple ways below. */
  readonly #sockets = new Set<string>();

  private constructor(bed: Testbed, containerd: Containerd, namespace: string) {
    this.bed = bed;
    this.containerd = containerd;
    this.namespace = namespace;
    this.rootfs = bed.path("image");
  }

  static async start(name: string): Promise<ShimBed> {
    const bed = await Testbed.create(name);
    const shims = new ShimBed(bed, await Containerd.start(bed), `e2e${name}${process.pid}`);
    shims.#fillRootfs();
    return shims;
  }

  #fillRootfs(): void {
    for (const folder of ["bin", "proc", "sys", "dev", "tmp"])
      mkdirSync(join(this.rootfs, folder), { recursive: true });
    chmodSync(join(this.rootfs, "tmp"), 0o1777);
    copyFileSync("/bin/busybox", join(this.rootfs, "bin", "busybox"));
    for (const applet of [
      "cat",
      "dd",
      "echo",
      "false",
      "head",
      "id",
      "kill",
      "ls",
      "ps",
      "sh",
      "sleep",
      "stty",
      "tail",
      "test",
      "true",
      "wc",
    ])
      symlinkSync("busybox", join(this.rootfs, "bin", applet));
  }

  ctr(...args: string[]): Ran {
    return this.containerd.ctr("--namespace", this.namespace, ...args);
  }

  /** `ctr run` up to the container's id. */
  runArgs(...flags: string[]): string[] {
    return this.runArgsOf(this.rootfs, ...flags);
  }

  runArgsOf(rootfs: string, ...flags: string[]): string[] {
    return ["run", ...flags, ...this.containerd.fifoFlags, "--runtime", RUNTIME, "--rootfs", rootfs];
  }

  /** Where the shim of a container without a pod listens, by the rule of its address. */
  socket(id: string): string {
    const words = join(this.containerd.address, this.namespace, id, "rune");
    return join(SOCKETS, createHash("sha256").update(words).digest("hex"));
  }

  /** Has {@link close} look for the socket of a container without a pod, or of a pod. */
  expectSocket(group: string): void {
    this.#sockets.add(this.socket(group));
  }

  /** Runs a command to its end, with a shell between. */
  sh(id: string, command: string, ...flags: string[]): Ran {
    this.#sockets.add(this.socket(id));
    return this.ctr(...this.runArgs("--rm", ...flags), id, "/bin/sh", "-c", command);
  }

  /** Leaves a container running. */
  detached(id: string, command: string, ...flags: string[]): void {
    this.#sockets.add(this.socket(id));
    const { status, stderr } = this.ctr(
      ...this.runArgs("--detach", "--null-io", ...flags),
      id,
      "/bin/sh",
      "-c",
      command,
    );
    if (status !== 0) throw new Error(stderr);
  }

  exec(id: string, execId: string, command: readonly string[], ...flags: string[]): Ran {
    const own = ["--exec-id", execId, ...this.containerd.fifoFlags, ...flags];
    return this.ctr("task", "exec", ...own, id, ...command);
  }

  /** Deletes a container that has stopped with this status. */
  deleted(id: string, status: number): void {
    const { stderr } = this.ctr("task", "delete", id);
    const said = Number(/exit with non-zero exit code (\d+)/u.exec(stderr)?.[1] ?? 0);
    assert.equal(said, status, stderr);
    assert.equal(this.ctr("container", "delete", id).status, 0);
  }

  /** Deletes a container that may run. */
  removed(id: string): void {
    this.ctr("task", "delete", "--force", id);
    assert.equal(this.ctr("container", "delete", id).status, 0);
  }

  /** `ctr` beside the test: for many at once, and where something is typed. */
  async run(args: readonly string[], input?: Input, deadlineMs: number = DEADLINE_MS): Promise<Output> {
    return await this.#spawn(["ctr", ...this.#global(), ...args], input, deadlineMs);
  }

  /** `ctr` with a terminal of 33 rows and 77 columns, as somebody at one sees it. */
  async runInTerminal(args: readonly string[], input: Input): Promise<Output> {
    const line = ["ctr", ...this.#global(), ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    return await this.#spawn(["script", "-qec", `stty rows 33 cols 77; ${line}`, "/dev/null"], input);
  }

  #global(): string[] {
    return ["--address", this.containerd.address, "--namespace", this.namespace];
  }

  async #spawn(
    [program = "", ...args]: readonly string[],
    input: Input | undefined,
    deadlineMs: number = DEADLINE_MS,
  ): Promise<Output> {
    const child = spawn(program, args, {
      env: this.containerd.env,
      stdio: [input ? "pipe" : "ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    child.stdout?.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
    if (input && child.stdin) await input(child.stdin);
    const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
    const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
    clearTimeout(timer);
    return { status, ...output };
  }

  bundle(id: string): string {
    return join(this.containerd.bundles(this.namespace), id);
  }

  address(id: string): string {
    return readFileSync(join(this.bundle(id), "address"), "utf8");
  }

  /** A client of a shim itself, past containerd. */
  clientOf(address: string): Client {
    return createClient(connect(address.replace("unix://", "")));
  }

  /** The daemons that run for this namespace, or that which was started for one container. */
  shims(id: string = ""): number[] {
    return list("/proc").flatMap((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return line.includes("shim-run") && line.includes(`-namespace ${this.namespace} -id ${id}`)
          ? [Number(name)]
          : [];
      } catch {
        return [];
      }
    });
  }

  status(id: string): string {
    const { stdout } = this.ctr("task", "list");
    const line = stdout.split("\n").find((text) => text.startsWith(`${id} `));
    return line?.trim().split(/\s+/u)[2] ?? "";
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !holds(); await sleep(50))
      if (Date.now() > deadline) throw new Error(`${what}: not within ${DEADLINE_MS} ms`);
  }

  /** What is left of one container that was deleted: see {@link Testbed.traces}; its bundle, its socket. */
  tracesOf(id: string): string[] {
    return [...this.bed.traces(id), ...[this.bundle(id), this.socket(id)].filter((path) => existsSync(path))];
  }

  /** Removes everything. @returns what was there although every container had been deleted */
  async close(): Promise<string[]> {
    try {
      for (const id of this.ctr("container", "list", "--quiet")
        .stdout.split("\n")
        .filter((line) => line !== "")) {
        this.ctr("task", "delete", "--force", id);
        this.ctr("container", "delete", id);
      }
      await this.until("the shims have ended", () => this.shims().length === 0).catch(() => undefined);
      return this.#leftovers();
    } finally {
      for (const pid of this.shims()) process.kill(pid, "SIGKILL");
      await this.bed[Symbol.asyncDispose]();
      this.#removeFolders();
    }
  }

  #leftovers(): string[] {
    return [
      ...this.shims().map((pid) => `shim ${pid}`),
      ...this.bed.traces(this.namespace).filter((trace) => !trace.endsWith(this.namespace)),
      ...[...this.#sockets].filter((path) => existsSync(path)),
      ...list(join(RUNC_STATE, this.namespace)),
      ...list(this.containerd.bundles(this.namespace)),
    ];
  }

  /** The namespace's own folders, which runc makes and leaves. */
  #removeFolders(): void {
    rmSync(join(RUNC_STATE, this.namespace), { recursive: true, force: true });
    for (const controller of list("/sys/fs/cgroup")) {
      const folder = join("/sys/fs/cgroup", controller, this.namespace);
      if (existsSync(folder)) rmdirSync(folder);
    }
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
