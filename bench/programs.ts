/** Rows for CPU-bound programs: the same C source, native and as WASM in an enclave container; each times its own loop. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { absent, compare, type Row } from "./sample.ts";
import type { Workshop } from "./workshop.ts";

const RUNS = 5;
const PROGRAMS = [
  ["mixed", "lists, matrices, states, CRC (as CoreMark)"],
  ["sha256", "sha256 of 64 MiB"],
  ["nbody", "nbody, 2 million steps"],
] as const;

export async function programRows(shop: Workshop): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, title] of PROGRAMS) {
    const what = `${title}: enclave wasm / native cc -O3`;
    rows.push(existsSync("/usr/bin/wasm-ld") ? await programRow(shop, name, what) : absent(what, "no WASI compiler"));
  }
  return rows;
}

async function programRow(shop: Workshop, name: string, what: string): Promise<Row> {
  const source = join(import.meta.dirname, "programs", `${name}.c`);
  const native = shop.path(`${name}.native`);
  const wasm = shop.path(`${name}.wasm`);
  execFileSync("cc", ["-O3", "-o", native, source, "-lm"]);
  execFileSync("clang", ["--target=wasm32-wasi", "-O3", "-o", wasm, source, "-lm"]);
  const bundle = await shop.enclaveBundle(name, readFileSync(wasm));
  const enclave = (): number =>
    loopSeconds(
      execFileSync(shop.command("rune"), [...shop.runeRoot(), "run", "-b", bundle, shop.nextId()], {
        env: shop.environment,
        encoding: "utf8",
      }),
    );
  return await compare(what, RUNS, enclave, () => loopSeconds(execFileSync(native, { encoding: "utf8" })));
}

function loopSeconds(output: string): number {
  const seconds = Number(output.split(" ")[0]);
  if (!Number.isFinite(seconds))
    throw new Error(`the program printed ${JSON.stringify(output)}, expected seconds and a check`);
  return seconds;
}
