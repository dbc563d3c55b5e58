import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_PROFILE, type EnclaveRuntime, runConformance } from "@inclavare/pal";
import { ExampleRuntime } from "./runtime.ts";

/** Without a program that needs a deep stack: promises have none of their own. */
const { deep: _, ...programs } = DEFAULT_PROFILE.programs;
const profile = { ...DEFAULT_PROFILE, programs, deadlineMs: 2000 };

async function problems(create: () => EnclaveRuntime): Promise<readonly string[]> {
  const results = await runConformance({ create, profile });
  return results.filter(({ result }) => result === "failed").map(({ name, message }) => `${name}: ${message}`);
}

describe("the example runtime", () => {
  it("has nothing that the conformance kit finds wrong", async () => {
    assert.deepEqual(await problems(() => new ExampleRuntime()), []);
  });

  it("would be found out if it lost signals", async () => {
    class Deaf extends ExampleRuntime {
      override async kill(): Promise<void> {
        // nothing reaches a process
      }
    }
    const [first = ""] = await problems(() => new Deaf());
    assert.match(first, /^kill: kill with signal 15 succeeded, but process \d+ has not ended/u);
  });
});
