import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { decodeQuote } from "@inclavare/sgx";
import {
  builtinTrustAnchors,
  decisiveCheck,
  exitCodeOf,
  VerificationCache,
  verifyEvidence,
  verifySgxQuote,
  verifyTdxQuote,
} from "../src/index.ts";
import { anchorsOf, readCollateral, readData, VECTORS } from "./vectors.ts";

const cache = new VerificationCache();

describe("recorded quotes", () => {
  for (const vector of VECTORS) {
    const { id, quote, collateral, tee, time, expect } = vector;
    const verify = tee === "sgx" ? verifySgxQuote : verifyTdxQuote;
    const input = {
      bytes: readData(quote),
      collateral: readCollateral(collateral),
      trustAnchors: anchorsOf(vector),
      now: new Date(time),
      allow: [],
      evidenceOnly: true,
      cache,
    };

    if ("status" in expect) {
      it(`verifies ${id} as ${expect.status}`, () => {
        const verdict = verifyEvidence(input);
        assert.equal(verdict.verdict, "verified", JSON.stringify(decisiveCheck(verdict.checks)));
        assert.equal(exitCodeOf(verdict), 6);
        assert.equal(verdict.tcb?.status, expect.status);
        assert.deepEqual(verdict.tcb.advisories, expect.advisories);
        assert.equal(verdict.measurement?.debug, expect.debug);
        assert.equal(verdict.measurement?.tee, tee);
        assert.equal(verdict.tee, vector.root === undefined ? tee : "simulated");
        assert.ok(verdict.checks.every(({ result }) => result === "ok"));
        const verified = verify({ ...input, quote: input.bytes });
        assert.equal(verified.tcb?.status, expect.status);
      });

      it(`refuses ${id} under the default policy`, () => {
        const verdict = verifyEvidence({ ...input, evidenceOnly: false });
        assert.equal(verdict.verdict, "refused");
        assert.equal(exitCodeOf(verdict), 5);
      });
    } else {
      it(`refuses ${id} with ${expect.code}`, () => {
        const verdict = verifyEvidence(input);
        assert.equal(verdict.verdict, "refused");
        assert.equal(exitCodeOf(verdict), 3);
        const failed = verdict.checks.filter(({ result }) => result === "failed");
        assert.deepEqual(
          failed.map(({ check, code }) => ({ check, code })),
          [expect],
        );
        assert.throws(
          () => verify({ ...input, quote: input.bytes }),
          (error) => isInclavareError(error, expect.code) && Array.isArray(error.details["checks"]),
        );
      });
    }

    it(`refuses ${id} without its root with ERR_TRUST_ANCHOR`, () => {
      const trustAnchors = vector.root === undefined ? [] : builtinTrustAnchors();
      const verdict = verifyEvidence({ ...input, trustAnchors });
      assert.equal(exitCodeOf(verdict), 3);
      assert.ok(verdict.checks.some(({ code }) => code === "ERR_TRUST_ANCHOR"));
      assert.equal(verdict.tcb, null);
    });
  }
});

describe("recorded evidence that is not verified", () => {
  it("decodes a quote of certification data type 3, and misses its PCK chain", () => {
    const bytes = readData("parse-only-type3.quote.bin");
    assert.equal(decodeQuote(bytes).certificationData.type, 3);
    const verdict = verifyEvidence({ bytes, trustAnchors: [], now: new Date(), allow: [], evidenceOnly: true });
    const codes = verdict.checks.filter(({ result }) => result === "failed").map(({ code }) => code);
    assert.deepEqual(codes, ["ERR_COLLATERAL_MISSING", "ERR_COLLATERAL_MISSING"]);
    assert.equal(exitCodeOf(verdict), 4);
  });
});

describe("recorded certificates", () => {
  const now = new Date("2024-01-01T00:00:00Z");
  for (const [name, binding] of [
    ["gramine-cert.pem", ["certificate", "claims-binding", "key-binding"]],
    ["rats-tls-legacy-cert.pem", ["certificate", "key-binding"]],
  ] as const) {
    it(`finds the evidence of ${name} bound to its key`, () => {
      const time = name.startsWith("gramine") ? now : new Date("2021-09-01T00:00:00Z");
      const verdict = verifyEvidence({
        bytes: readData(`ratls/${name}`),
        trustAnchors: builtinTrustAnchors(),
        now: time,
        allow: [],
        evidenceOnly: true,
      });
      const results = new Map(verdict.checks.map(({ check, result, message }) => [check, `${result}: ${message}`]));
      for (const check of [...binding, "qe-report-data", "quote-signature"]) {
        assert.match(results.get(check) ?? "absent", /^ok/u, check);
      }
      assert.equal(exitCodeOf(verdict), 4);
    });
  }
});
