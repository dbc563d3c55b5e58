import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCases } from "./cases.ts";
import { runCases } from "./run-cases.ts";

describe("the cases of this folder", { timeout: 120_000 }, () => {
  it("give their expected verdicts through the command line", async () => {
    const outcomes = await runCases(import.meta.dirname);
    assert.ok(outcomes.length >= 30, `${outcomes.length} cases`);
    assert.deepEqual(
      outcomes.filter(({ problem }) => problem !== undefined),
      [],
    );
  });
});

describe("a case", () => {
  const verified = { exit: 6, verdict: { verdict: "verified", tcb: { status: "UpToDate" }, checks: [] }, stderr: "" };
  const refused = { exit: 3, verdict: { verdict: "refused", tcb: null, checks: [] }, stderr: "" };
  for (const [expect, answer, isFine] of [
    [{ tcbStatus: "UpToDate" }, verified, true],
    [{ tcbStatus: "OutOfDate" }, verified, false],
    [{ tcbStatus: "UpToDate" }, refused, false],
    [{ error: "quote-signature" }, refused, true],
    [{ error: "quote-signature" }, verified, false],
    [{ verdict: "valid" }, verified, true],
    [{ verdict: "valid" }, refused, false],
    [{ verdict: "invalid" }, verified, false],
    [{ exit: 4 }, refused, false],
    [{}, verified, false],
  ] as const) {
    it(`expecting ${JSON.stringify(expect)} is ${isFine ? "met" : "not met"} by exit ${answer.exit}`, async () => {
      const [one] = readCases({ dcap: [{ id: "one", quote: "quote.bin", expect }] });
      assert.equal((await one?.judge(async () => await Promise.resolve(answer))) === undefined, isFine);
    });
  }

  it("with a flag is met only where a policy refuses it", async () => {
    const [one] = readCases({
      dcap: [{ id: "one", quote: "q", expect: { tcbStatus: "UpToDate" }, flags: ["td-debug"] }],
    });
    const run = (exit: number) => async (word?: string) =>
      await Promise.resolve(word === "--evidence-only" ? verified : { ...verified, exit });
    assert.equal(await one?.judge(run(5)), undefined);
    assert.match((await one?.judge(run(0))) ?? "", /flagged/u);
  });
});
