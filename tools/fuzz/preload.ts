/** Loaded before a suite of properties: as many runs as were asked for, and how many each test really had. */
import { writeFileSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import type * as NodeTest from "node:test";
import fc from "fast-check";

const { NUM_RUNS, FUZZ_COUNT } = process.env;
const runs = new Map<string, number>();
let current = "";
fc.configureGlobal({
  numRuns: Number(NUM_RUNS),
  afterEach: () => void runs.set(current, (runs.get(current) ?? 0) + 1),
});

// fast-check does not know in which test a property runs, so `it` notes its name. Tests of one file run one by one.
const test = createRequire(import.meta.url)("node:test") as { it: unknown };
const { it } = test as Pick<typeof NodeTest, "it">;
const noting = (name: string, ...rest: unknown[]): unknown => {
  const body = rest.pop() as (...context: unknown[]) => unknown;
  const noted = (...context: unknown[]): unknown => {
    current = name;
    return body(...context);
  };
  return (it as (...parts: unknown[]) => unknown)(name, ...rest, noted);
};
test.it = Object.assign(noting, it);
syncBuiltinESMExports();

process.on("exit", () => {
  if (FUZZ_COUNT !== undefined) writeFileSync(FUZZ_COUNT, JSON.stringify([...runs]));
});
