import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encode, Tagged } from "cborg";
import fc from "fast-check";
import { builtinTrustAnchors, exitCodeOf, trustAnchorsFromPem, type Verdict, verifyEvidence } from "../src/index.ts";
import { ecKey, psaToken, publicPem, sign1, TOKEN_NOW } from "./token-world.ts";
import { readData } from "./vectors.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 150);

function verify(bytes: Uint8Array, pem: string | undefined, now: Date = TOKEN_NOW): Verdict {
  const trustAnchors = pem === undefined ? builtinTrustAnchors() : trustAnchorsFromPem(pem);
  return verifyEvidence({ bytes, trustAnchors, now, allow: [], evidenceOnly: true });
}

/** The maps of unprotected headers: one empty map behind each protected header. */
function isUnprotected(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xa0 && bytes[at - 1] === 0x22;
}

describe("a recorded token", () => {
  it("of CCA is refused with any flipped bit", () => {
    const bytes = readData("cca/cca_token.cbor");
    const pem = Buffer.from(readData("cca/cca_platform.pub")).toString();
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const altered = Uint8Array.from(bytes);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        // The collection around the tokens, and what is not protected in them, is nobody's word.
        const verdict = verify(altered, pem);
        assert.ok(exitCodeOf(verdict) === 3 || isUnprotected(bytes, bit >> 3), `bit ${bit}`);
      }),
      { numRuns },
    );
  });

  it("of Nitro is refused with any flipped bit", () => {
    const bytes = readData("nitro/nitro-a.cose");
    const now = new Date("2021-09-09T10:19:20Z");
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const altered = Uint8Array.from(bytes);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const verdict = verify(altered, undefined, now);
        assert.ok(exitCodeOf(verdict) === 3 || isUnprotected(bytes, bit >> 3), `bit ${bit}`);
      }),
      { numRuns },
    );
  });
});

describe("laws of tokens", () => {
  const key = ecKey("P-256");
  const pem = publicPem(key);
  const tokens = [readData("cca/cca_token.cbor"), readData("nitro/nitro-a.cose"), psaToken({}, key)];

  it("give a verdict for any change, truncation and tail", () => {
    const change = fc.tuple(fc.nat(5000), fc.nat(255));
    fc.assert(
      fc.property(
        fc.constantFrom(...tokens),
        fc.array(change, { maxLength: 5 }),
        fc.nat(5000),
        (token, changes, length) => {
          const bytes = Uint8Array.from(token.subarray(0, length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          assert.ok([3, 4, 6].includes(exitCodeOf(verify(bytes, pem))));
        },
      ),
      { numRuns },
    );
  });

  it("give a verdict for any CBOR behind their heads", () => {
    const heads = [
      [0xd9, 1, 0x8f],
      [0xd9, 3, 0x8b],
      [0xd2, 0x84],
      [0x84, 0x44],
      [0x84, 0x40],
    ];
    const values = fc.anything({ withTypedArray: false, maxDepth: 3 }).map((value) => {
      try {
        return encode(value);
      } catch {
        return new Uint8Array(0);
      }
    });
    fc.assert(
      fc.property(fc.constantFrom(...heads), values, (head, tail) => {
        assert.equal(exitCodeOf(verify(Uint8Array.from([...head, ...tail]), pem)), 3);
      }),
      { numRuns },
    );
  });

  it("refuse a collection of thousands, and depth without end, at once", () => {
    const deep = Buffer.concat([Uint8Array.of(0xd2, 0x84), Buffer.alloc(60_000, 0x81)]);
    const many = encode(new Tagged(399, new Map(Array.from({ length: 9000 }, (_, index) => [index, 0]))));
    const payload = encode(new Map(Array.from({ length: 5000 }, (_, index) => [index, new Uint8Array(1)])));
    const started = performance.now();
    for (const bytes of [deep, many, sign1(payload, key), new Uint8Array(1 << 20).fill(0xd2)]) {
      assert.equal(exitCodeOf(verify(bytes, pem)), 3);
    }
    assert.ok(performance.now() - started < 2000);
  });
});
