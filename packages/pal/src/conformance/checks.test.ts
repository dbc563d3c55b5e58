import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CheckResult } from "./check.ts";
import { failedCheck, findCheck, resultOf, runChecks } from "./checks.ts";

/** Passes every check but some, up to the first of these in each enclave. */
function passingAllBut(...wrong: readonly string[]): {
  enclaves: string[][];
  perform: Parameters<typeof runChecks>[0];
} {
  const enclaves: string[][] = [];
  const perform = async (names: readonly string[]): Promise<readonly CheckResult[]> => {
    enclaves.push([...names]);
    const end = names.findIndex((name) => wrong.includes(name));
    const passed = names.slice(0, end === -1 ? names.length : end).map((name) => resultOf(findCheck(name), "ok"));
    const failed = names[end];
    return failed === undefined ? passed : [...passed, failedCheck(failed, "wrong")];
  };
  return { enclaves, perform };
}

describe("runChecks", () => {
  it("has what a check requires before it", async () => {
    const seen = new Set<string>();
    for (const { name } of await runChecks(passingAllBut().perform)) {
      const { requires } = findCheck(name);
      assert.ok(requires === undefined || seen.has(requires), `${name} requires ${requires}`);
      assert.ok(!seen.has(name), `${name} is there twice`);
      seen.add(name);
    }
    assert.ok(seen.size >= 20);
  });

  it("does not leave a check's enclave to the next one where that needs its own", async () => {
    const { enclaves, perform } = passingAllBut();
    await runChecks(perform);
    assert.deepEqual(
      enclaves.filter((names) => names.some((name) => findCheck(name).needsOwnEnclave === true)),
      [["two-at-once"], ["destroy"], ["after-destroy"]],
    );
  });

  it("goes on with a new enclave after a failure", async () => {
    const { enclaves, perform } = passingAllBut("environment");
    const results = await runChecks(perform);
    assert.equal(enclaves[1]?.[0], "standard-streams");
    assert.deepEqual(
      results.filter(({ result }) => result !== "ok").map(({ name }) => name),
      ["environment"],
    );
  });

  it("skips what requires a check that failed, and what requires that", async () => {
    const results = await runChecks(passingAllBut("destroy", "arguments").perform);
    const skipped = results.filter(({ result }) => result === "skipped").map(({ name }) => name);
    assert.deepEqual(skipped, ["large-arguments", "after-destroy"]);
    const all = await runChecks(passingAllBut("load").perform);
    assert.ok(all.every(({ name, result }) => result === (name === "load" ? "failed" : "skipped")));
  });
});
