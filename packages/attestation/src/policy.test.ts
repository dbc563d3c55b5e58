import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { ALLOWANCES, DEFAULT_POLICY, parsePolicy } from "./policy.ts";
import { REFERENCE_FIELDS } from "./reference-fields.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const hash = "ab".repeat(32);

function refuses(policy: unknown): void {
  assert.throws(
    () => parsePolicy(typeof policy === "string" ? policy : JSON.stringify(policy), "policy"),
    (error) => isInclavareError(error, "ERR_POLICY_FORMAT"),
  );
}

describe("parsePolicy", () => {
  it("takes an empty object for the default policy", () => {
    assert.deepEqual(parsePolicy("{}", "policy"), DEFAULT_POLICY);
  });

  it("lower-cases measurements and names itself as the source", () => {
    const { referenceValues } = parsePolicy(
      JSON.stringify({ referenceValues: [{ mrEnclave: hash.toUpperCase(), isvProdId: 1, minIsvSvn: 2 }] }),
      "policy",
    );
    assert.deepEqual(referenceValues, [{ mrEnclave: hash, isvProdId: 1, minIsvSvn: 2, source: "the policy" }]);
  });

  it("reads every member", () => {
    const policy = {
      referenceValues: [{ mrSigner: hash, source: "build 7" }],
      acceptedTcbStatuses: ["UpToDate", "SWHardeningNeeded"],
      comment: ["for people"],
      acceptedAdvisories: ["INTEL-SA-00615"],
      minEvaluationDataNumber: 17,
      maxAgeSeconds: 60,
      acceptedVmpls: [0, 1],
      minSnpTcb: { Turin: { fmc: 1 } },
      minTdxModuleSvn: { "0": 3, "1": 6 },
      acceptedFmspcs: ["00806f050000"],
      refusedFmspcs: [],
      acceptedPlatforms: ["ab".repeat(16)],
      refusedPlatforms: ["ab".repeat(64)],
      allow: ["debug"],
    };
    assert.deepEqual(parsePolicy(JSON.stringify(policy), "policy"), policy);
  });

  it("has its every word and member in the documentation", () => {
    const page = readFileSync(new URL("../../../docs/attestation.md", import.meta.url), "utf8");
    const members = Object.values(REFERENCE_FIELDS).flatMap((fields) => Object.keys(fields));
    for (const word of [...members, ...ALLOWANCES]) assert.ok(page.includes(`\`${word}\``), word);
    const [, example = ""] = /```json\n([^`]*)```/u.exec(page) ?? [];
    const whole = example.replaceAll(/"(\w+)": "00…"/gu, (_, name) => {
      return `"${name}": "${"00".repeat(name === "hostData" ? 32 : 48)}"`;
    });
    assert.equal(parsePolicy(whole, "example").referenceValues.length, 2);
  });

  it("refuses an unknown member", () => refuses({ references: [] }));
  it("reads references of TDX, and refuses one whose members are of two TEEs", () => {
    const reference = { mrTd: "ab".repeat(48), rtmr1: "cd".repeat(48), source: "build 7" };
    const { referenceValues } = parsePolicy(JSON.stringify({ referenceValues: [reference] }), "policy");
    assert.deepEqual(referenceValues, [reference]);
    refuses({ referenceValues: [{ ...reference, mrEnclave: hash }] });
    refuses({ referenceValues: [{ mrTd: hash }] });
  });

  it("refuses a reference without a measurement", () => refuses({ referenceValues: [{ isvProdId: 1 }] }));
  it("refuses a measurement of the wrong length", () => refuses({ referenceValues: [{ mrEnclave: "ab" }] }));
  for (const [what, policy] of [
    ["an FMSPC of 5 bytes", { acceptedFmspcs: ["00806f0500"] }],
    ["a platform of 15 bytes", { refusedPlatforms: ["ab".repeat(15)] }],
    ["a module version that is no number", { minTdxModuleSvn: { one: 1 } }],
    ["a module version with a leading zero", { minTdxModuleSvn: { "01": 1 } }],
    ["a security version of 256", { minTdxModuleSvn: { "1": 256 } }],
    ["a comment that is no list", { comment: "for people" }],
    ["a CONFIGID of 32 bytes", { referenceValues: [{ mrEnclave: hash, configId: hash }] }],
  ] as const) {
    it(`refuses ${what}`, () => refuses(policy));
  }

  it("refuses Revoked", () => refuses({ acceptedTcbStatuses: ["Revoked"] }));
  it("refuses an unknown status", () => refuses({ acceptedTcbStatuses: ["Fine"] }));
  it("refuses an unknown allowance", () => refuses({ allow: ["everything"] }));
  it("refuses a product id of 65536", () => refuses({ referenceValues: [{ mrEnclave: hash, isvProdId: 65_536 }] }));
  it("refuses what is not JSON", () => refuses("{"));
  it("refuses a list", () => refuses([]));

  it("any text gives a policy or ERR_POLICY_FORMAT", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          parsePolicy(text, "policy");
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_POLICY_FORMAT"));
        }
      }),
      { numRuns },
    );
  });
});
