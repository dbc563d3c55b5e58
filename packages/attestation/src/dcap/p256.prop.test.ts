import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { p256PublicKey, verifyP256 } from "./p256.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 200);
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const point = publicKey.export({ type: "spki", format: "der" }).subarray(-64);

describe("verifyP256", () => {
  const key = p256PublicKey(point, "ERR_QUOTE_SIGNATURE", "key");

  // Enough runs that r and s begin with zeros, and with a first bit that is one, several times.
  it("takes every signature that the key made", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const signature = sign("sha256", bytes, { key: privateKey, dsaEncoding: "ieee-p1363" });
        assert.ok(verifyP256(key, bytes, signature));
      }),
      { numRuns: Math.max(numRuns, 600) },
    );
  });

  it("refuses every changed bit of a signature", () => {
    const bytes = Buffer.from("signed");
    const signature = sign("sha256", bytes, { key: privateKey, dsaEncoding: "ieee-p1363" });
    for (let bit = 0; bit < 512; bit += 1) {
      const changed = Uint8Array.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(verifyP256(key, bytes, changed), false, `bit ${bit}`);
    }
  });

  it("refuses zeros, ones and other lengths", () => {
    for (const signature of [
      new Uint8Array(64),
      new Uint8Array(64).fill(0xff),
      new Uint8Array(63),
      new Uint8Array(0),
    ]) {
      assert.equal(verifyP256(key, new Uint8Array(1), signature), false);
    }
  });
});

describe("p256PublicKey", () => {
  it("gives the key of a point", () => {
    const key = p256PublicKey(point, "ERR_QUOTE_SIGNATURE", "key");
    assert.ok(key.equals(createPublicKey(privateKey)));
  });

  it("any bytes give a key or the code that was asked for", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 63, maxLength: 65 }), (bytes) => {
        try {
          p256PublicKey(bytes, "ERR_QUOTE_SIGNATURE", "key");
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_QUOTE_SIGNATURE"));
        }
      }),
      { numRuns },
    );
  });
});
