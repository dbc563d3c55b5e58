/**
 * Runs the tests in one run of node's runner, so that there is one closing block. Paths given as arguments narrow it.
 * Fails when there is nothing to run, and, as root, when a test that drives the real runc was skipped.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const PATTERNS = [
  "packages/*/{src,test}/**/*.test.ts",
  "runtimes/*/{src,test}/**/*.test.ts",
  "apps/*/{src,test}/**/*.test.ts",
  "test/**/*.test.ts",
  "examples/*/*.test.ts",
];

const wanted = process.argv.slice(2);
const files = globSync(PATTERNS, { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .toSorted();
if (files.length === 0) {
  console.error(`test: no test file matches ${wanted.join(", ") || "the patterns"}`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), "inclavare-test-"));
const skips = join(scratch, "skips");
const reporters = [
  "--test-reporter=spec",
  "--test-reporter-destination=stdout",
  `--test-reporter=${join(root, "tools/skip-reporter.ts")}`,
  `--test-reporter-destination=${skips}`,
];
const { status } = spawnSync(
  process.execPath,
  ["--test", "--test-concurrency=2", "--test-timeout=300000", ...reporters, ...files],
  { cwd: root, stdio: "inherit" },
);
const skipped = readFileSync(skips, "utf8");
rmSync(scratch, { recursive: true, force: true });
process.stdout.write(skipped);
const endToEndSkipped =
  process.getuid?.() === 0 && /^skipped \(requires (root|runc|containerd|crun|dockerd|build)/mu.test(skipped);
if (endToEndSkipped)
  console.error("test: an end-to-end part was skipped although this is root; that counts as a failure");
process.exit(endToEndSkipped ? 1 : (status ?? 1));
