/** Rows that start containers: what rune costs beside runc, and an enclave beside an ordinary container. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compare, type Row, secondsOf } from "./sample.ts";
import type { Workshop } from "./workshop.ts";

const RUNS = 15;
/** What takes some ten milliseconds needs more of them. */
const PLAIN_RUNS = 40;

type Call = (command: string, ...args: readonly string[]) => void;

export async function containerRows(shop: Workshop): Promise<Row[]> {
  const plain = plainBundle(shop);
  const call: Call = (command, ...args) => {
    execFileSync(command, ["--root", shop.path("runc"), ...args], { env: shop.environment, stdio: "ignore" });
  };
  const run = (command: string, bundle: string): Promise<number> =>
    secondsOf(() => call(command, "run", "-b", bundle, shop.nextId()));
  /** What dockerd does with every container, but for waiting. */
  const life = (command: string): Promise<number> =>
    secondsOf(() => {
      const id = shop.nextId();
      for (const args of [["create", "-b", plain], ["start"], ["state"], ["delete", "--force"]])
        call(command, ...args, id);
    });
  const rune = shop.command("rune");
  const hello = await shop.enclaveBundle("hello", await shop.compileWat(HELLO));
  return [
    await compare(
      "rune run, plain container / runc run",
      PLAIN_RUNS,
      () => run(rune, plain),
      () => run("runc", plain),
    ),
    await stateRow(shop, plain, call),
    await compare(
      "create, start, state, delete: rune / runc",
      PLAIN_RUNS,
      () => life(rune),
      () => life("runc"),
    ),
    await compare(
      "rune run, enclave hello / runc run of busybox echo",
      RUNS,
      () => run(rune, hello),
      () => run("runc", plain),
    ),
  ];
}

async function stateRow(shop: Workshop, bundle: string, call: Call): Promise<Row> {
  const id = shop.nextId();
  call("runc", "create", "-b", bundle, id);
  const state = (command: string): Promise<number> => secondsOf(() => call(command, "state", id));
  try {
    const rune = shop.command("rune");
    return await compare(
      "rune state, plain container / runc state",
      PLAIN_RUNS,
      () => state(rune),
      () => state("runc"),
    );
  } finally {
    call("runc", "delete", "--force", id);
  }
}

/** A bundle with Debian's static busybox that says hello. */
function plainBundle(shop: Workshop): string {
  const bundle = shop.path("busybox");
  mkdirSync(join(bundle, "rootfs", "bin"), { recursive: true });
  copyFileSync("/bin/busybox", join(bundle, "rootfs", "bin", "busybox"));
  chmodSync(join(bundle, "rootfs", "bin", "busybox"), 0o755);
  execFileSync("runc", ["spec", "-b", bundle]);
  const path = join(bundle, "config.json");
  const spec = JSON.parse(readFileSync(path, "utf8")) as { process: { args: string[]; terminal: boolean } };
  spec.process.args = ["/bin/busybox", "echo", "hello"];
  spec.process.terminal = false;
  writeFileSync(path, JSON.stringify(spec));
  return bundle;
}

/** The smallest WASI command that writes a line. */
const HELLO = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\\n")
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`;
