/** A process of its own around a library, which may crash. Run as a program, it is that process. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isInclavareError } from "@inclavare/errors";
import { exitImmediately } from "@inclavare/linux";
import { loadRuntime } from "../src/index.ts";

type Options = NonNullable<Parameters<typeof loadRuntime>[2]>;

export interface ChildRequest {
  readonly library: string;
  readonly args?: string;
  readonly deadlinesMs?: Options["deadlinesMs"];
  /** Left out: `exit`. */
  readonly argv?: readonly string[];
  /** What is done once the enclave is initialised, beside running the program. */
  readonly also?: "report" | "kill" | "trap" | "wait";
}

export interface ChildEnd {
  readonly signal: NodeJS.Signals | null;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What came to the crash descriptor. */
  readonly crash: string;
}

/** @param command starts Node.js in some other way */
export function runChild(request: ChildRequest, command: readonly string[] = []): ChildEnd {
  const directory = mkdtempSync(join(tmpdir(), "pal-child-"));
  const file = join(directory, "crash");
  const crash = openSync(file, "w");
  const [program, ...args] = [...command, process.execPath, import.meta.filename, JSON.stringify(request)] as const;
  try {
    const { signal, status, stdout, stderr } = spawnSync(program, args, {
      stdio: ["ignore", "pipe", "pipe", crash],
      encoding: "utf8",
      timeout: 20_000,
      killSignal: "SIGKILL",
    });
    return { signal, status, stdout, stderr, crash: readFileSync(file, "utf8") };
  } finally {
    closeSync(crash);
    rmSync(directory, { recursive: true });
  }
}

/** A WebAssembly module whose `f` reads beyond its memory: V8 finds that out by a SIGSEGV. */
const OUT_OF_BOUNDS = Buffer.from(
  "0061736d010000000105016000017f030201000503010001070501016600000a0d010b0041fcffffff0728020c0b",
  "hex",
);

async function main({ library, args = "", deadlinesMs = {}, argv = ["exit"], also }: ChildRequest): Promise<void> {
  const runtime = loadRuntime(library, new Map(), { crashDescriptor: 3, deadlinesMs });
  await runtime.init({ args, logLevel: "off" });
  const pid = await runtime.createProcess({
    path: argv[0] ?? "",
    argv,
    env: [],
    stdio: { stdin: 0, stdout: 1, stderr: 2 },
  });
  const running = runtime.exec(pid);
  if (also === "kill") await runtime.kill(pid, 15);
  if (also === "report") await runtime.getLocalReport?.(new Uint8Array(512));
  if (also === "trap") trap();
  process.stdout.write(`exit value ${await running}\n`);
  await runtime.destroy();
  process.stdout.write("destroyed\n");
}

function trap(): void {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(OUT_OF_BOUNDS));
  try {
    (exports["f"] as () => number)();
  } catch (error) {
    process.stdout.write(`trapped: ${error instanceof WebAssembly.RuntimeError}\n`);
  }
}

if (import.meta.main) {
  try {
    await main(JSON.parse(process.argv[2] ?? "") as ChildRequest);
  } catch (error) {
    const text = isInclavareError(error) ? `${error.code} ${error.message}` : String(error);
    process.stdout.write(`${text}\n`);
    // A library that hangs in dlopen has a lock that exit needs.
    process.kill(process.pid, "SIGKILL");
  }
  exitImmediately(0);
}
