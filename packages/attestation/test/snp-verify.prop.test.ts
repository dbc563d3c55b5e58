import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { endorsementToPem, exitCodeOf, VerificationCache, verifyEvidence } from "../src/index.ts";
import { createSnpWorld, SNP_NOW } from "./snp-world.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 150);
const cache = new VerificationCache();

describe("laws of SEV-SNP reports", () => {
  const world = createSnpWorld();
  const input = { ...world, now: SNP_NOW, allow: [], evidenceOnly: true, cache };

  it("refuses any flipped bit with 3", () => {
    assert.equal(exitCodeOf(verifyEvidence({ ...input, bytes: world.report })), 6);
    fc.assert(
      fc.property(fc.nat(1184 * 8 - 1), (bit) => {
        const bytes = Uint8Array.from(world.report);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(exitCodeOf(verifyEvidence({ ...input, bytes })), 3, `bit ${bit}`);
      }),
      { numRuns },
    );
  });

  it("gives a verdict for any endorsements", () => {
    const text = world.endorsements.join("");
    const change = fc.tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const altered = changes.reduce((all, [at, what]) => `${all.slice(0, at)}${what}${all.slice(at + 1)}`, text);
        assert.ok(
          [3, 4, 6].includes(exitCodeOf(verifyEvidence({ ...input, bytes: world.report, endorsements: [altered] }))),
        );
      }),
      { numRuns },
    );
  });

  it("gives PEM or an InclavareError for any file of endorsements", () => {
    const heads = [[], [0x30, 0x82], [0x63, 0xda, 0x75, 0x8d]];
    const files = fc
      .tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 400 }))
      .map(([head, tail]) => Uint8Array.from([...head, ...tail]));
    fc.assert(
      fc.property(files, (bytes) => {
        try {
          endorsementToPem(bytes, "file");
        } catch (error) {
          assert.ok(isInclavareError(error), String(error));
        }
      }),
      { numRuns },
    );
  });
});
