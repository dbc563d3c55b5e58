/** Loaded before a suite of properties: as many runs as were asked for, and how many there really were. */
import { writeFileSync } from "node:fs";
import fc from "fast-check";

const { NUM_RUNS, FUZZ_COUNT } = process.env;
let runs = 0;
fc.configureGlobal({
  numRuns: Number(NUM_RUNS),
  afterEach: () => void runs++,
});
process.on("exit", () => {
  if (FUZZ_COUNT !== undefined) writeFileSync(FUZZ_COUNT, String(runs));
});
