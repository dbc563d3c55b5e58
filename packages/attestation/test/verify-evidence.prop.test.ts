import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  encodeClaims,
  encodeEvidenceMessage,
  exitCodeOf,
  hashPublicKey,
  reportDataFor,
  VerificationCache,
  type Verdict,
  verifyEvidence,
  type VerifyEvidenceInput,
} from "../src/index.ts";
import { anchorsOf, findVector, readCollateral, readData } from "./vectors.ts";
import { createWorld, NOW } from "./world.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 150);
const vector = findVector("syn-sgx-ok");
const quote = readData(vector.quote);
const collateral = readCollateral(vector.collateral);
const trustAnchors = anchorsOf(vector);
const cache = new VerificationCache();
const SIGNED_BYTES = 432;
/** Header, body, size field, signature, key, QE report and its signature: all but the certification data. */
const FIXED_BYTES = 436 + 584;

function verify(bytes: Uint8Array, change: Partial<VerifyEvidenceInput> = {}): Verdict {
  const input = { bytes, collateral, trustAnchors, now: new Date(vector.time), allow: [], evidenceOnly: true, cache };
  return verifyEvidence({ ...input, ...change });
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

describe("laws of verifyEvidence", () => {
  it("refuses every single flipped bit of the signed range with 3, with and without collateral", () => {
    assert.equal(exitCodeOf(verify(quote)), 6);
    // Every byte once, each at another bit; the property below takes any bit.
    for (let byte = 0; byte < SIGNED_BYTES; byte += 1) {
      const bytes = flip(quote, byte * 8 + (byte % 8));
      const without = {
        bytes,
        trustAnchors,
        now: new Date(vector.time),
        allow: [],
        evidenceOnly: byte % 2 === 0,
        cache,
      };
      assert.equal(exitCodeOf(verify(bytes)), 3, `byte ${byte}`);
      assert.equal(exitCodeOf(verifyEvidence(without)), 3, `byte ${byte}`);
    }
  });

  it("refuses any flipped bit of signed range, signatures, key and QE report with 3", () => {
    fc.assert(
      fc.property(fc.nat(FIXED_BYTES * 8 - 1), fc.boolean(), (bit, evidenceOnly) => {
        // The size of the authentication data may grow over the padding; everything else is signed or signs.
        fc.pre(bit < 432 * 8 || bit >= 436 * 8);
        const verdict = verify(flip(quote, bit), { evidenceOnly });
        assert.equal(exitCodeOf(verdict), 3, `bit ${bit}`);
      }),
      { numRuns },
    );
  });

  it("gives a verdict for any bytes", () => {
    const heads = [[], [3, 0, 2, 0], [4, 0, 2, 0, 0x81, 0, 0, 0], [0x30, 0x82], [0xd9, 0xea, 0x60], [0xa2]];
    const bytes = fc
      .tuple(fc.constantFrom(...heads), fc.uint8Array({ minLength: 0, maxLength: 1500 }))
      .map(([head, tail]) => Uint8Array.from([...head, ...tail]));
    fc.assert(
      fc.property(bytes, (input) => assert.equal(exitCodeOf(verify(input)), 3)),
      { numRuns },
    );
  });

  it("gives a verdict for any truncation and any change of a few bytes", () => {
    const change = fc.tuple(fc.nat(quote.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.nat(quote.length), fc.array(change, { maxLength: 4 }), (length, changes) => {
        const bytes = Uint8Array.from(quote.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        assert.ok([3, 4, 6].includes(exitCodeOf(verify(bytes))));
      }),
      { numRuns },
    );
  });

  it("gives the same verdict with and without a cache", () => {
    const now = new Date(vector.time);
    const input = { bytes: quote, collateral, trustAnchors, now, allow: [], evidenceOnly: true };
    assert.deepEqual(verifyEvidence(input), verifyEvidence({ ...input, cache }));
  });
});

describe("laws of TDX quotes", () => {
  const td = findVector("syn-tdx5-ok");
  const bytes = readData(td.quote);
  const input = {
    collateral: readCollateral(td.collateral),
    trustAnchors: anchorsOf(td),
    now: new Date(td.time),
    allow: [],
    evidenceOnly: true,
    cache,
  };
  const signedBytes = 54 + 648;

  it("refuses any flipped bit of what is signed, of signatures and keys with 3", () => {
    assert.equal(exitCodeOf(verifyEvidence({ ...input, bytes })), 6);
    const end = signedBytes + 4 + 128 + 6 + 448;
    fc.assert(
      fc.property(fc.nat(end * 8 - 1), (bit) => {
        // Two sizes: they may grow over padding, or over what is not signed behind them.
        const byte = bit >> 3;
        fc.pre(
          (byte < signedBytes || byte >= signedBytes + 4) && (byte < signedBytes + 134 || byte >= signedBytes + 138),
        );
        assert.equal(exitCodeOf(verifyEvidence({ ...input, bytes: flip(bytes, bit) })), 3, `bit ${bit}`);
      }),
      { numRuns },
    );
  });

  it("gives a verdict for any truncation and any change of a few bytes", () => {
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.array(change, { maxLength: 4 }), (length, changes) => {
        const altered = Uint8Array.from(bytes.subarray(0, length));
        for (const [at, value] of changes) if (at < length) altered[at] = value;
        assert.ok([3, 4, 6].includes(exitCodeOf(verifyEvidence({ ...input, bytes: altered }))));
      }),
      { numRuns },
    );
  });
});

describe("evidence messages", () => {
  const nonce = new Uint8Array(32).fill(9);
  const claims = encodeClaims({ pubkeyHash: hashPublicKey(Buffer.from("key")), nonce, purpose: "nonce" });
  const world = createWorld({ report: { reportData: reportDataFor(claims) } });
  const evidence = { format: "sgx-quote", quote: world.quote, collateral: world.collateral } as const;
  const common = { trustAnchors: world.trustAnchors, now: NOW, evidenceOnly: false, allow: [] };
  const allow = ["simulated", "no-reference"] as const;

  it("are accepted with their own collateral and the verifier's nonce", () => {
    const bytes = encodeEvidenceMessage({ evidence, claims });
    const verdict = verifyEvidence({ ...common, bytes, nonce, allow });
    assert.equal(exitCodeOf(verdict), 0);
    assert.deepEqual((verdict.claims["claims"] as Record<string, string>)["purpose"], "nonce");
  });

  it("are refused with another nonce, also without a policy", () => {
    const bytes = encodeEvidenceMessage({ evidence, claims });
    for (const evidenceOnly of [true, false]) {
      const verdict = verifyEvidence({ ...common, bytes, nonce: new Uint8Array(32), allow, evidenceOnly });
      assert.equal(exitCodeOf(verdict), 5);
    }
  });

  it("are refused with other claims than those that the evidence binds", () => {
    const other = encodeClaims({ pubkeyHash: hashPublicKey(Buffer.from("other")), nonce });
    const verdict = verifyEvidence({
      ...common,
      bytes: encodeEvidenceMessage({ evidence, claims: other }),
      nonce,
      allow,
    });
    assert.equal(exitCodeOf(verdict), 3);
    assert.ok(verdict.checks.some(({ code }) => code === "ERR_EVIDENCE_UNBOUND"));
  });

  it("are verified against the collateral that the verifier gives in place of theirs", () => {
    const bytes = encodeEvidenceMessage({ evidence: { ...evidence, collateral }, claims });
    assert.equal(exitCodeOf(verifyEvidence({ ...common, bytes, nonce, allow })), 3);
    assert.equal(exitCodeOf(verifyEvidence({ ...common, bytes, nonce, allow, collateral: world.collateral })), 0);
  });
});
