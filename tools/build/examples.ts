/** Compiles the example programs, so that the demonstration and the tests run what the sources say. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

const require = createRequire(import.meta.url);

/** The one example so far: its WASI modules and its table, under `lib/inclavare/examples`. */
export function buildExamples(root: string, directory: string): void {
  const compiler = join(dirname(require.resolve("assemblyscript/package.json")), "bin", "asc.js");
  const source = join(root, "examples", "confidential-statistics");
  // Relative, because the compiler takes the paths inside the configuration as relative to the path it was given.
  const shim = relative(source, require.resolve("@assemblyscript/wasi-shim/asconfig.json"));
  const target = join(directory, "confidential-statistics");
  mkdirSync(target, { recursive: true });
  for (const program of ["statistics", "thief"]) {
    const wasm = join(target, `${program}.wasm`);
    const args = [compiler, join(source, `${program}.ts`), "--config", shim, "-O", "-o", wasm];
    execFileSync(process.execPath, args, { cwd: source, stdio: ["ignore", "inherit", "inherit"] });
  }
  for (const name of readdirSync(source).filter((file) => file.endsWith(".csv")))
    copyFileSync(join(source, name), join(target, name));
}
