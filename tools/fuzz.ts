/**
 * Runs every suite of properties (`*.prop.test.ts`) with many inputs, for a night: NUM_RUNS a property, or left out a
 * million for each decoder (`decoders.prop.test.ts`) and 20,000 for any other property. Paths given as arguments narrow the
 * choice. Prints how many inputs each test really had, and what failed with its seed; fails when a suite fails, takes
 * longer than FUZZ_MINUTES (default 120), or a test of decoders has tried fewer inputs than it should.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "..");
const DECODERS = "/decoders.prop.test.ts";
const minutes = Number(process.env["FUZZ_MINUTES"] ?? 120);
const wanted = process.argv.slice(2);
const suites = globSync(["{packages,runtimes,apps}/*/{src,test}/**/*.prop.test.ts", "test/**/*.prop.test.ts"], {
  cwd: root,
})
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .toSorted();

interface Result {
  readonly ok: boolean;
  /** Inputs by the test that tried them. */
  readonly runs: ReadonlyMap<string, number>;
  readonly output: string;
}

function runsFor(suite: string): number {
  return Number(process.env["NUM_RUNS"] ?? (suite.endsWith(DECODERS) ? 1_000_000 : 20_000));
}

async function run(suite: string, counter: string): Promise<Result> {
  const child = spawn(process.execPath, [`--import=${join(root, "tools/fuzz/preload.ts")}`, join(root, suite)], {
    cwd: root,
    env: { ...process.env, NUM_RUNS: String(runsFor(suite)), FUZZ_COUNT: counter },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: minutes * 60_000,
    killSignal: "SIGKILL",
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  return { ok: code === 0, runs: readCount(counter), output };
}

function readCount(counter: string): ReadonlyMap<string, number> {
  try {
    return new Map(JSON.parse(readFileSync(counter, "utf8")) as [string, number][]);
  } catch {
    return new Map(); // killed before its end
  }
}

const scratch = mkdtempSync(join(tmpdir(), "inclavare-fuzz-"));
let failed = 0;
let total = 0;
for (const [index, suite] of suites.entries()) {
  const startedAt = performance.now();
  const { ok, runs, output } = await run(suite, join(scratch, String(index)));
  const counts = [...runs.values()];
  const tried = counts.reduce((sum, count) => sum + count, 0);
  const least = suite.endsWith(DECODERS) ? Math.min(...counts) : tried;
  const good = ok && counts.length > 0 && least >= runsFor(suite);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${good ? "ok    " : "FAILED"} ${String(tried).padStart(9)} inputs ${seconds.padStart(8)} s  ${suite}`);
  for (const [test, count] of runs) console.log(`       ${String(count).padStart(9)}  ${test}`);
  if (!good) console.log(output);
  failed += good ? 0 : 1;
  total += tried;
}
rmSync(scratch, { recursive: true, force: true });
console.log(`fuzz: ${suites.length} suites, ${total} inputs, ${failed} failed`);
process.exit(failed === 0 && suites.length > 0 ? 0 : 1);
