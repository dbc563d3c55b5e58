import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_PROFILE, type EnclaveRuntime, type ProcessRequest, runConformance } from "@inclavare/pal";
import { ExampleRuntime } from "./runtime.ts";

/** Without a program that needs a deep stack: promises have none of their own. */
const { deep: _, ...programs } = DEFAULT_PROFILE.programs;
const profile = { ...DEFAULT_PROFILE, programs, deadlineMs: 2000 };

async function problems(create: () => EnclaveRuntime): Promise<readonly string[]> {
  const results = await runConformance({ create, profile });
  return results.filter(({ result }) => result === "failed").map(({ name, message }) => `${name}: ${message}`);
}

/** What it would be to lose signals, to fail without a code, and to make reports that are too short. */
class Deaf extends ExampleRuntime {
  override async kill(): Promise<void> {
    // nothing reaches a process
  }
}
class Tacit extends ExampleRuntime {
  override async createProcess(request: ProcessRequest): Promise<number> {
    return await super.createProcess(request).catch(() => {
      throw new Error("it did not work");
    });
  }
}
class Reporter extends ExampleRuntime {
  override readonly apiVersion = 3;
  async getLocalReport(): Promise<Uint8Array> {
    return new Uint8Array(384);
  }
}

describe("the example runtime", () => {
  it("has nothing that the conformance kit finds wrong", async () => {
    assert.deepEqual(await problems(() => new ExampleRuntime()), []);
  });

  it("would be found out", async () => {
    const [deaf, tacit, reporter] = await Promise.all(
      [Deaf, Tacit, Reporter].map(async (runtime) => await problems(() => new runtime())),
    );
    assert.match(deaf?.[0] ?? "", /^kill: kill with signal 15 succeeded, but process \d+ has not ended/u);
    assert.match(
      tacit?.[0] ?? "",
      /^missing-program: create process rejected with Error: .*expected an InclavareError/u,
    );
    assert.match(reporter?.[0] ?? "", /^local-report: the length of two reports is \[384,384\]/u);
  });
});
