/**
 * Runs every suite of properties (`*.prop.test.ts`) with many inputs, for a night: NUM_RUNS a property (default 20000).
 * Paths given as arguments narrow the choice. Prints how many inputs each suite really had, and what failed with its seed;
 * fails when a suite fails, takes longer than FUZZ_MINUTES (default 120), or tries fewer inputs than one property's.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "..");
const numRuns = Number(process.env["NUM_RUNS"] ?? 20_000);
const minutes = Number(process.env["FUZZ_MINUTES"] ?? 120);
const wanted = process.argv.slice(2);
const suites = globSync(["{packages,runtimes,apps}/*/{src,test}/**/*.prop.test.ts", "test/**/*.prop.test.ts"], {
  cwd: root,
})
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .toSorted();

interface Result {
  readonly ok: boolean;
  readonly runs: number;
  readonly output: string;
}

async function run(suite: string, counter: string): Promise<Result> {
  const child = spawn(process.execPath, [`--import=${join(root, "tools/fuzz/preload.ts")}`, join(root, suite)], {
    cwd: root,
    env: { ...process.env, NUM_RUNS: String(numRuns), FUZZ_COUNT: counter },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: minutes * 60_000,
    killSignal: "SIGKILL",
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  return { ok: code === 0, runs: readCount(counter), output };
}

function readCount(counter: string): number {
  try {
    return Number(readFileSync(counter, "utf8"));
  } catch {
    return 0; // killed before its end
  }
}

const scratch = mkdtempSync(join(tmpdir(), "inclavare-fuzz-"));
let failed = 0;
let total = 0;
for (const [index, suite] of suites.entries()) {
  const startedAt = performance.now();
  const { ok, runs, output } = await run(suite, join(scratch, String(index)));
  const good = ok && runs >= numRuns;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${good ? "ok    " : "FAILED"} ${String(runs).padStart(9)} inputs ${seconds.padStart(8)} s  ${suite}`);
  if (!good) console.log(output);
  failed += good ? 0 : 1;
  total += runs;
}
rmSync(scratch, { recursive: true, force: true });
console.log(`fuzz: ${suites.length} suites, ${total} inputs, ${failed} failed`);
process.exit(failed === 0 && suites.length > 0 ? 0 : 1);
