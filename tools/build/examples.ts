/** Compiles the example programs, so that the demonstration and the tests run what the sources say. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** The one example so far: a WASI module and its table, under `lib/inclavare/examples`. */
export function buildExamples(root: string, directory: string): void {
  const compiler = join(dirname(require.resolve("assemblyscript/package.json")), "bin", "asc.js");
  const shim = require.resolve("@assemblyscript/wasi-shim/asconfig.json");
  const source = join(root, "examples", "confidential-statistics");
  const target = join(directory, "confidential-statistics");
  mkdirSync(target, { recursive: true });
  const wasm = join(target, "statistics.wasm");
  execFileSync(process.execPath, [compiler, join(source, "statistics.ts"), "--config", shim, "-O", "-o", wasm], {
    cwd: source,
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (const name of readdirSync(source).filter((file) => file.endsWith(".csv")))
    copyFileSync(join(source, name), join(target, name));
}
