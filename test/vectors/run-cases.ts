/**
 * Runs the cases of a folder (`cases.json` and the files that it names) through `shelter verify`, as a person would.
 *
 *   node test/vectors/run-cases.ts FOLDER       after `npm run build`
 *
 * One line for each case; exits with 1 where a verdict is not the expected one, and where there is no case at all.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Case, readCases } from "./cases.ts";

const BIN = process.env["INCLAVARE_TEST_BIN"] ?? join(import.meta.dirname, "..", "..", "dist", "bin");
const SHELTER = join(BIN, "shelter");
const DEADLINE_MS = 60_000;
const AT_ONCE = 2;

export interface Outcome {
  readonly id: string;
  /** Left out: as expected. */
  readonly problem?: string;
}

/** @param folder absolute. @returns an outcome for each case, in their order. @throws Error where Shelter is not built */
export async function runCases(folder: string): Promise<Outcome[]> {
  if (!existsSync(SHELTER)) throw new Error(`${SHELTER} is missing: npm run build makes it`);
  const cases = readCases(JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")));
  const outcomes: Outcome[] = [];
  const waiting = cases.entries();
  const worker = async (): Promise<void> => {
    for (const [index, one] of waiting) outcomes[index] = await runCase(one, folder);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return outcomes;
}

async function runCase({ id, arguments: args, judge }: Case, folder: string): Promise<Outcome> {
  const run = async (...more: readonly string[]) => await shelter(folder, ["verify", ...args, ...more, "-o", "json"]);
  try {
    const problem = await judge(run);
    return problem === undefined ? { id } : { id, problem };
  } catch (error) {
    return { id, problem: String(error) };
  }
}

/** @returns exit code, and the verdict where there is one. */
async function shelter(folder: string, args: readonly string[]) {
  return await new Promise<{ readonly exit: number; readonly verdict: unknown; readonly stderr: string }>(
    (done, fail) => {
      const options = { cwd: folder, timeout: DEADLINE_MS, maxBuffer: 16 << 20 };
      execFile(SHELTER, args, options, (error, stdout, stderr) => {
        const exit = error === null ? 0 : error.code;
        if (typeof exit !== "number") {
          fail(new Error(`shelter ended by ${error?.signal ?? "itself"}: ${stderr}`));
          return;
        }
        done({ exit, verdict: stdout.startsWith("{") ? JSON.parse(stdout) : undefined, stderr });
      });
    },
  );
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error("usage: node test/vectors/run-cases.ts FOLDER");
  const outcomes = await runCases(resolve(folder));
  for (const { id, problem } of outcomes) console.log(problem === undefined ? `ok   ${id}` : `FAIL ${id}: ${problem}`);
  const failed = outcomes.filter(({ problem }) => problem !== undefined).length;
  console.log(`${outcomes.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || outcomes.length === 0 ? 1 : 0;
}
