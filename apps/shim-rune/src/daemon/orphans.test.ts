import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { onProcessExit, setChildSubreaper } from "@inclavare/linux";
import { reapOrphans } from "./orphans.ts";

/** Starts a process that ends after a while and whose parent has gone: it becomes ours. */
function orphan(seconds: number, code: number): number {
  const script = `(sleep ${seconds}; exit ${code}) >/dev/null & echo $!`;
  return Number(execFileSync("sh", ["-c", script], { encoding: "utf8" }));
}

describe("reapOrphans", () => {
  it("buries what nobody waits for, and takes nobody else's status", async () => {
    setChildSubreaper(true);
    const known = new Set<number>();
    let isBusy = true;
    const orphans = reapOrphans({ isKnown: (pid) => known.has(pid), isBusy: () => isBusy });
    try {
      const unknown = orphan(0.3, 1); // longer than its shell, which would bury it
      const late = orphan(0.3, 7);
      await sleep(1_500);
      assert.ok(existsSync(`/proc/${unknown}`), "while a process is being made, nothing is buried");
      known.add(late);
      isBusy = false;
      const children = Array.from({ length: 20 }, (_, index) =>
        spawn("sh", ["-c", `sleep 0.0${index}; exit ${index}`]),
      );
      const exits = children.map(async (child) => ((await once(child, "exit")) as [number])[0]);
      await sleep(1_500);
      assert.ok(!existsSync(`/proc/${unknown}`), "it is buried");
      assert.deepEqual(
        await Promise.all(exits),
        children.map((_, index) => index),
      );
      const ended = Promise.withResolvers<number | undefined>();
      onProcessExit(late, (exit) => ended.resolve(exit?.code));
      assert.equal(await ended.promise, 7);
    } finally {
      orphans.close();
      setChildSubreaper(false);
    }
  });
});
