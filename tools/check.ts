/** Every gate, in order, each by the script of its name in package.json; stops at the first that fails. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

const GATES = ["format:check", "lint", "typecheck", "boundaries", "knip", "errors:check", "build", "test"];

const root = join(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
const path = [dirname(process.execPath), join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);

for (const gate of GATES) {
  const startedAt = performance.now();
  console.error(`\n── ${gate}`);
  const { status } = spawnSync("sh", ["-c", scripts[gate] ?? `exit 1 # no script ${gate}`], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: path },
  });
  if (status !== 0) {
    console.error(`check: ${gate} failed`);
    process.exit(1);
  }
  console.error(`── ${gate}: ok, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
