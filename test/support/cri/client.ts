import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { type Call, type ContainerConfig, CRI, type PodConfig } from "./messages.ts";

const DEADLINE_MS = 60_000;
const CHANNELS = ["stdin", "stdout", "stderr", "error", "resize"] as const;

/** What kubelet is for containerd. Failures are grpc's own errors, with `code` and `details`. */
export class CriClient implements Disposable {
  readonly #client: Client;
  /** In whose network namespace the streaming server listens. */
  readonly #pid: () => number;

  constructor(address: string, pid: () => number) {
    this.#client = new Client(`unix://${address}`, credentials.createInsecure());
    this.#pid = pid;
  }

  async call<Q, A>({ path, request, response }: Call<Q, A>, value: Partial<Q>): Promise<A> {
    return await new Promise<A>((resolve, reject) => {
      this.#client.makeUnaryRequest<Partial<Q>, A>(
        path,
        (given) => Buffer.from(request.encode(given)),
        (bytes) => response.decode(bytes),
        value,
        { deadline: Date.now() + DEADLINE_MS },
        (error: ServiceError | null, answer) => (error ? reject(error) : resolve(answer as A)),
      );
    });
  }

  async execSync(id: string, command: readonly string[], timeout = 0n) {
    const { stdout, stderr, exitCode } = await this.call(CRI.execSync, { id, command, timeout });
    return { stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString(), exitCode };
  }

  async exec(id: string, command: readonly string[], how: { readonly tty: boolean }): Promise<Stream> {
    const { url } = await this.call(CRI.exec, { id, command, stdin: true, stdout: true, stderr: !how.tty, ...how });
    return new Stream(url, this.#pid());
  }

  async attach(id: string): Promise<Stream> {
    const { url } = await this.call(CRI.attach, { id, stdin: true, stdout: true, stderr: true });
    return new Stream(url, this.#pid());
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** The other end of a streamed process, with all that has come by channel. */
export class Stream {
  readonly received = { stdin: "", stdout: "", stderr: "", error: "", resize: "" };
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  constructor(url: string, pid: number) {
    const program = [process.execPath, join(import.meta.dirname, "stream.ts"), url];
    const child = spawn("nsenter", ["--target", String(pid), "--net", "--", ...program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [channel, text] = JSON.parse(line) as [number, string];
      const name = CHANNELS[channel];
      if (name !== undefined) this.received[name] += text;
    });
    this.ended = new Promise((resolve) => child.once("close", () => resolve()));
  }

  send(channel: (typeof CHANNELS)[number], text: string): void {
    this.#child.stdin?.write(`${JSON.stringify([CHANNELS.indexOf(channel), text])}\n`);
  }

  /** Goes away, as a client that loses its network. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** A pod of these tests. */
export function podConfig(name: string, fields: Partial<PodConfig> & { readonly cgroupParent: string }): PodConfig {
  const { cgroupParent, ...rest } = fields;
  return {
    metadata: { name, uid: `uid-${name}`, namespace: "tests", attempt: 0 },
    hostname: name,
    logDirectory: "",
    labels: new Map(),
    annotations: new Map(),
    linux: { cgroupParent, security: { namespaces: { network: 0, pid: 1, ipc: 0 } } },
    ...rest,
  };
}

export function containerConfig(name: string, image: string, fields: Partial<ContainerConfig>): ContainerConfig {
  return {
    metadata: { name, attempt: 0 },
    image: { image },
    command: [],
    args: [],
    annotations: new Map(),
    logPath: "",
    stdin: false,
    stdinOnce: false,
    tty: false,
    linux: { resources: { cpuShares: 0n, memoryLimitBytes: 0n } },
    ...fields,
  };
}
