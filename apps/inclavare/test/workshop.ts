import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { runProgram } from "@inclavare/cli";
import { type ImageConfig, type TarInput, writeLayout } from "@inclavare/oci";
import { createProgram } from "../src/program.ts";

/** `(module (memory (export "memory") 1) (func (export "_start")))` */
const EMPTY_COMMAND = Buffer.from(
  "0061736d01000000010401600000030201000503010001071302066d656d6f72790200065f737461727400000a040102000b",
  "hex",
);
const SELF = [process.execPath, join(import.meta.dirname, "..", "src", "main.ts")] as const;
const OWNER = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };
export const PLATFORM = { os: "linux", architecture: "amd64" };
export const CONFIG: ImageConfig = { Entrypoint: ["/app/main.wasm"], Cmd: ["x"], Env: ["LANG=C", "A=b"] };

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One test's folder, with a small payload in it, and the commands. */
export class Workshop {
  readonly directory: string;
  readonly payload: string;

  constructor(t: TestContext) {
    this.directory = mkdtempSync(join(tmpdir(), "inclavare-cli-"));
    t.after(() => rmSync(this.directory, { recursive: true, force: true }));
    this.payload = this.path("payload");
    writePayload(this.payload, { "bin/node": Buffer.alloc(5000, 1), "app/runelet.mjs": Buffer.from("//") });
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  async run(...args: string[]): Promise<Outcome> {
    const written = { stdout: "", stderr: "" };
    const collect = (name: "stdout" | "stderr") => ({ write: (text: string) => (written[name] += text) });
    const io = { stdout: collect("stdout"), stderr: collect("stderr") };
    const code = await runProgram(createProgram({ PATH: process.env["PATH"] }, SELF), args, io);
    return { code, ...written };
  }

  /** Runs a command that has to succeed. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** Runs a command and gives its result as JSON. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    return JSON.parse(await this.must(...args, "--format", "json")) as T;
  }

  /** Runs a command that has to fail with this code, and this exit status. */
  async fails(code: string, status: number, ...args: string[]): Promise<string> {
    const outcome = await this.run(...args);
    assert.match(outcome.stderr, new RegExp(`\\[${code}\\]`, "u"));
    assert.equal(outcome.code, status);
    assert.equal(outcome.stdout, "");
    return outcome.stderr;
  }

  /** Writes an ordinary image and returns its path. */
  async image(name = "image", config: ImageConfig = CONFIG, program: Uint8Array = EMPTY_COMMAND): Promise<string> {
    const entries: TarInput[] = [{ path: "/app/main.wasm", type: "file", ...OWNER, content: program }];
    await writeLayout(this.path(name), { config, platform: PLATFORM, layers: [{ entries }], reference: "app:1" });
    return this.path(name);
  }

  /** Writes a TEE image that is not signed, and returns its path. */
  async tee(name = "tee"): Promise<string> {
    const image = await this.image(`${name}-image`);
    await this.must("convert", image, "-o", this.path(name), "--payload", this.payload);
    return this.path(name);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }
}

function writePayload(directory: string, files: Readonly<Record<string, Buffer>>): void {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
  const listed = Object.entries(files).map(([path, bytes]) => {
    return { path, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  const index = { release: "0.0.0", architecture: "x64", node: "v24.0.0", files: listed };
  writeFileSync(join(directory, "payload.json"), JSON.stringify(index));
}
