import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { giveBackMemory } from "./memory.ts";

describe("giveBackMemory", () => {
  it("collects once in the calm after a change, and not while changes come", async (t) => {
    let collected = 0;
    const before = globalThis.gc;
    t.after(() => (globalThis.gc = before));
    globalThis.gc = (() => void (collected += 1)) as unknown as NodeJS.GCFunction;
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const memory = giveBackMemory();
    t.mock.timers.tick(2_900);
    const child = spawn("true");
    t.mock.timers.tick(2_900);
    assert.equal(collected, 0);
    t.mock.timers.tick(100);
    assert.equal(collected, 1);
    t.mock.timers.tick(60_000);
    assert.equal(collected, 1);
    memory.close();
    await once(child, "exit");
    await once(spawn("true"), "exit");
    t.mock.timers.tick(60_000);
    assert.equal(collected, 1);
  });
});
