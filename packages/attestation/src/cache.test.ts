import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VerificationCache } from "./cache.ts";

describe("VerificationCache", () => {
  it("computes once for the same inputs", () => {
    const cache = new VerificationCache();
    let computed = 0;
    const make = (): number => (computed += 1);
    assert.equal(cache.remember("kind", ["a", "b"], make), 1);
    assert.equal(cache.remember("kind", ["a", "b"], make), 1);
    assert.equal(computed, 1);
  });

  it("keeps kinds, and different splits of the same text, apart", () => {
    const cache = new VerificationCache();
    const results = [
      cache.remember("x", ["ab", "c"], () => 1),
      cache.remember("x", ["a", "bc"], () => 2),
      cache.remember("y", ["a", "bc"], () => 3),
      cache.remember("x", ["abc"], () => 4),
    ];
    assert.deepEqual(results, [1, 2, 3, 4]);
  });

  it("forgets what was used least recently", () => {
    const cache = new VerificationCache(2);
    cache.remember("k", ["a"], () => 1);
    cache.remember("k", ["b"], () => 2);
    cache.remember("k", ["a"], () => 3);
    cache.remember("k", ["c"], () => 4);
    assert.equal(cache.size, 2);
    assert.equal(
      cache.remember("k", ["a"], () => 5),
      1,
    );
    assert.equal(
      cache.remember("k", ["b"], () => 6),
      6,
    );
  });

  it("does not keep a failure", () => {
    const cache = new VerificationCache();
    assert.throws(() =>
      cache.remember("k", ["a"], () => {
        throw new Error("first");
      }),
    );
    assert.equal(
      cache.remember("k", ["a"], () => 7),
      7,
    );
  });
});
