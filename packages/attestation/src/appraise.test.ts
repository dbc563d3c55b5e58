import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "@inclavare/errors";
import { appraise } from "./appraise.ts";
import type { Check } from "./check.ts";
import type { TcbStatus } from "./dcap/tcb-status.ts";
import type { VerifiedEvidence } from "./examination.ts";
import { type Allowance, DEFAULT_POLICY, type Policy, type ReferenceValue } from "./policy.ts";
import type { Verdict } from "./verdict.ts";

const NOW = new Date("2025-06-15T00:00:00Z");
const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const MR_ENCLAVE = "aa".repeat(32);
const MR_SIGNER = "bb".repeat(32);
const REFERENCE: ReferenceValue = { mrEnclave: MR_ENCLAVE, mrSigner: MR_SIGNER, source: "build 7" };

const MEASUREMENT = {
  tee: "sgx",
  mrEnclave: MR_ENCLAVE,
  mrSigner: MR_SIGNER,
  isvProdId: 3,
  isvSvn: 7,
  configId: "cc".repeat(64),
  configSvn: 2,
  isvExtProdId: "dd".repeat(16),
  isvFamilyId: "ee".repeat(16),
  debug: false,
} as const;

function verified(change: Partial<VerifiedEvidence> = {}): VerifiedEvidence {
  return {
    tee: "sgx",
    measurement: MEASUREMENT,
    tcb: { status: "UpToDate", advisories: [], evaluationDataNumber: 17 },
    reportData: Buffer.concat([NONCE], 64),
    periods: [
      { what: "TCB Info", notBefore: new Date("2025-06-01T00:00:00Z"), notAfter: new Date("2025-07-01T00:00:00Z") },
    ],
    chains: [],
    platform: { fmspc: "00a0b0c0d0e0", ids: ["12".repeat(16), "34".repeat(16)] },
    conditions: [],
    claims: () => ({ MRENCLAVE: MR_ENCLAVE }),
    checks: [{ check: "quote-signature", result: "ok", message: "" }],
    ...change,
  };
}

function judge(
  evidence: VerifiedEvidence,
  policy: Partial<Policy> = {},
  nonce: Uint8Array | undefined = NONCE,
): Verdict {
  const complete = { ...DEFAULT_POLICY, referenceValues: [REFERENCE], ...policy };
  return appraise(evidence, complete, { now: NOW, nonce });
}

function find({ checks }: Verdict, name: string): Check | undefined {
  return checks.find(({ check }) => check === name);
}

function status(value: TcbStatus, advisories: readonly string[] = []): VerifiedEvidence {
  return verified({ tcb: { status: value, advisories, evaluationDataNumber: 17 } });
}

describe("appraise", () => {
  it("accepts what matches its reference, with the reasons", () => {
    const verdict = judge(verified());
    assert.equal(verdict.verdict, "accepted");
    assert.deepEqual(
      verdict.checks.map(({ check, result }) => `${check} ${result}`),
      [
        "quote-signature ok",
        "collateral-current ok",
        "simulated ok",
        "debug ok",
        "measurement ok",
        "signer ok",
        "product skipped",
        "version skipped",
        "config-id skipped",
        "config-version skipped",
        "extended-product skipped",
        "family skipped",
        "nonce ok",
        "tcb-status ok",
      ],
    );
    assert.match(find(verdict, "measurement")?.message ?? "", /build 7/u);
  });

  const refusals: readonly (readonly [string, VerifiedEvidence, Partial<Policy>, string, ErrorCode, Allowance?])[] = [
    ["simulated evidence", verified({ tee: "simulated" }), {}, "simulated", "ERR_POLICY_SIMULATED", "simulated"],
    [
      "a debug enclave",
      verified({ measurement: { ...MEASUREMENT, debug: true } }),
      {},
      "debug",
      "ERR_POLICY_DEBUG",
      "debug",
    ],
    [
      "evidence without a reference",
      verified(),
      { referenceValues: [] },
      "measurement",
      "ERR_POLICY_NO_REFERENCE",
      "no-reference",
    ],
    [
      "evidence whose reference names nothing",
      verified(),
      { referenceValues: [{ source: "nobody" }] },
      "measurement",
      "ERR_POLICY_NO_REFERENCE",
      "no-reference",
    ],
    [
      "another measurement",
      verified({ measurement: { ...MEASUREMENT, mrEnclave: "00".repeat(32) } }),
      {},
      "measurement",
      "ERR_POLICY_MEASUREMENT",
    ],
    [
      "another signer",
      verified({ measurement: { ...MEASUREMENT, mrSigner: "00".repeat(32) } }),
      {},
      "signer",
      "ERR_POLICY_SIGNER",
    ],
    [
      "another product",
      verified(),
      { referenceValues: [{ ...REFERENCE, isvProdId: 4 }] },
      "product",
      "ERR_POLICY_PRODUCT",
    ],
    [
      "a lower security version",
      verified(),
      { referenceValues: [{ ...REFERENCE, minIsvSvn: 8 }] },
      "version",
      "ERR_POLICY_VERSION",
    ],
    [
      "another CONFIGID",
      verified(),
      { referenceValues: [{ ...REFERENCE, configId: "00".repeat(64) }] },
      "config-id",
      "ERR_POLICY_MEASUREMENT",
    ],
    [
      "a lower CONFIGSVN",
      verified(),
      { referenceValues: [{ ...REFERENCE, minConfigSvn: 3 }] },
      "config-version",
      "ERR_POLICY_VERSION",
    ],
    [
      "another ISVEXTPRODID",
      verified(),
      { referenceValues: [{ ...REFERENCE, isvExtProdId: "00".repeat(16) }] },
      "extended-product",
      "ERR_POLICY_PRODUCT",
    ],
    [
      "another ISVFAMILYID",
      verified(),
      { referenceValues: [{ ...REFERENCE, isvFamilyId: "00".repeat(16) }] },
      "family",
      "ERR_POLICY_PRODUCT",
    ],
    ["an FMSPC not listed", verified(), { acceptedFmspcs: ["000000000000"] }, "fmspc", "ERR_POLICY_PLATFORM"],
    ["a refused FMSPC", verified(), { refusedFmspcs: ["00a0b0c0d0e0"] }, "fmspc", "ERR_POLICY_PLATFORM"],
    [
      "a platform not listed",
      verified(),
      { acceptedPlatforms: ["00".repeat(16)] },
      "platform-id",
      "ERR_POLICY_PLATFORM",
    ],
    ["a refused platform", verified(), { refusedPlatforms: ["34".repeat(16)] }, "platform-id", "ERR_POLICY_PLATFORM"],
    [
      "a platform listed and refused",
      verified(),
      { acceptedPlatforms: ["12".repeat(16)], refusedPlatforms: ["34".repeat(16)] },
      "platform-id",
      "ERR_POLICY_PLATFORM",
    ],
    [
      "a platform of no name where some are refused",
      verified({ platform: { ids: [] } }),
      { refusedPlatforms: ["34".repeat(16)] },
      "platform-id",
      "ERR_POLICY_PLATFORM",
    ],
    ["another nonce", verified({ reportData: new Uint8Array(64) }), {}, "nonce", "ERR_POLICY_NONCE"],
    [
      "a nonce that something follows",
      verified({ reportData: Buffer.concat([NONCE, Uint8Array.of(9)], 64) }),
      {},
      "nonce",
      "ERR_POLICY_NONCE",
    ],
    [
      "claims without a nonce",
      verified({ boundClaims: { pubkeyHash: { algorithm: "sha-256", value: new Uint8Array(32) } } }),
      {},
      "nonce",
      "ERR_POLICY_NONCE",
    ],
    [
      "collateral past its date",
      verified({ periods: [{ what: "TCB Info", notBefore: new Date(0), notAfter: new Date(1) }] }),
      {},
      "collateral-current",
      "ERR_COLLATERAL_EXPIRED",
      "expired-collateral",
    ],
    [
      "SWHardeningNeeded",
      status("SWHardeningNeeded"),
      {},
      "tcb-status",
      "ERR_POLICY_TCB_STATUS",
      "sw-hardening-needed",
    ],
    [
      "ConfigurationNeeded",
      status("ConfigurationNeeded"),
      {},
      "tcb-status",
      "ERR_POLICY_TCB_STATUS",
      "configuration-needed",
    ],
    ["OutOfDate", status("OutOfDate"), {}, "tcb-status", "ERR_POLICY_TCB_STATUS", "out-of-date"],
    [
      "a revoked platform in spite of the policy",
      status("Revoked"),
      { acceptedTcbStatuses: ["Revoked"], allow: ["out-of-date"] },
      "tcb-status",
      "ERR_POLICY_TCB_STATUS",
    ],
    [
      "an advisory that the policy does not list",
      status("UpToDate", ["INTEL-SA-1", "INTEL-SA-2"]),
      { acceptedAdvisories: ["INTEL-SA-1"] },
      "advisories",
      "ERR_POLICY_ADVISORY",
    ],
    [
      "collateral older than the policy wants",
      verified(),
      { minEvaluationDataNumber: 18 },
      "evaluation-data-number",
      "ERR_POLICY_EVALUATION",
    ],
  ];

  for (const [what, evidence, policy, check, code, word] of refusals) {
    it(`refuses ${what} with ${code}`, () => {
      const verdict = judge(evidence, policy);
      assert.equal(verdict.verdict, "refused");
      assert.deepEqual([find(verdict, check)?.result, find(verdict, check)?.code], ["failed", code]);
      assert.equal(verdict.checks.filter(({ result }) => result === "failed").length, 1);
    });

    if (word !== undefined) {
      it(`accepts ${what} where ${word} is allowed, and says so`, () => {
        const verdict = judge(evidence, { ...policy, allow: [word] });
        assert.equal(verdict.verdict, "accepted");
        assert.deepEqual([find(verdict, check)?.result, find(verdict, check)?.code], ["allowed", code]);
      });
    }
  }

  it("refuses evidence for which there was no nonce, unless that is allowed", () => {
    const context = { now: NOW };
    const policy = { ...DEFAULT_POLICY, referenceValues: [REFERENCE] };
    const refused = appraise(verified(), policy, context);
    assert.deepEqual([refused.verdict, find(refused, "nonce")?.code], ["refused", "ERR_POLICY_NO_NONCE"]);
    const accepted = appraise(verified(), { ...policy, allow: ["no-nonce"] }, context);
    assert.deepEqual([accepted.verdict, find(accepted, "nonce")?.result], ["accepted", "allowed"]);
  });

  it("does not let no-nonce excuse a wrong nonce", () => {
    assert.equal(judge(verified({ reportData: new Uint8Array(64) }), { allow: ["no-nonce"] }).verdict, "refused");
  });

  it("takes the nonce from the claims where there are any", () => {
    const boundClaims = { pubkeyHash: { algorithm: "sha-256", value: new Uint8Array(32) }, nonce: NONCE } as const;
    assert.equal(judge(verified({ boundClaims, reportData: new Uint8Array(64) })).verdict, "accepted");
  });

  it("needs a word for each part of a status", () => {
    const evidence = status("ConfigurationAndSWHardeningNeeded");
    assert.equal(judge(evidence, { allow: ["configuration-needed"] }).verdict, "refused");
    assert.equal(judge(evidence, { allow: ["configuration-needed", "sw-hardening-needed"] }).verdict, "accepted");
  });

  it("takes any one reference, and compares with the closest where none fits", () => {
    const far = { mrEnclave: "11".repeat(32), mrSigner: "22".repeat(32), isvProdId: 9, source: "far" };
    const near = { ...REFERENCE, isvProdId: 9, source: "near" };
    assert.equal(judge(verified(), { referenceValues: [far, near, REFERENCE] }).verdict, "accepted");
    const verdict = judge(verified(), { referenceValues: [far, near] });
    assert.equal(find(verdict, "measurement")?.result, "ok");
    assert.match(find(verdict, "product")?.message ?? "", /near/u);
  });

  it("takes what the lists of platforms and the members of KSS name", () => {
    const { configId, isvExtProdId, isvFamilyId } = MEASUREMENT;
    const kss = { ...REFERENCE, configId, isvExtProdId, isvFamilyId, minConfigSvn: 2 };
    const verdict = judge(verified(), {
      referenceValues: [kss],
      acceptedFmspcs: ["00a0b0c0d0e0"],
      refusedFmspcs: ["000000000000"],
      acceptedPlatforms: ["34".repeat(16)],
      refusedPlatforms: ["56".repeat(16)],
    });
    assert.equal(verdict.verdict, "accepted");
    for (const name of ["config-id", "config-version", "extended-product", "family", "fmspc", "platform-id"]) {
      assert.equal(find(verdict, name)?.result, "ok", name);
    }
  });

  it("takes listed advisories, and collateral that is as recent as the policy wants", () => {
    const evidence = status("UpToDate", ["INTEL-SA-1"]);
    const verdict = judge(evidence, { acceptedAdvisories: ["INTEL-SA-1"], minEvaluationDataNumber: 17 });
    assert.equal(verdict.verdict, "accepted");
    for (const name of ["advisories", "evaluation-data-number"]) assert.equal(find(verdict, name)?.result, "ok", name);
  });

  it("does not ask other TEEs for Intel's platform types", () => {
    const nitro = { tee: "nitro", moduleId: "i-1", pcr0: "ab".repeat(48), debug: false } as const;
    const evidence = verified({ tee: "nitro", measurement: nitro, tcb: null, platform: { ids: [] } });
    const reference = { pcr0: nitro.pcr0, source: "build 7" };
    const verdict = judge(evidence, { referenceValues: [reference], acceptedFmspcs: ["000000000000"] });
    assert.equal(verdict.verdict, "accepted");
  });

  it("says until when its grounds are valid: the first end of chains and collateral", () => {
    assert.equal(judge(verified()).validUntil, "2025-07-01T00:00:00.000Z");
    const chain = { what: "chain", notBefore: new Date(0), notAfter: new Date("2025-06-20T00:00:00Z") };
    assert.equal(judge(verified({ chains: [chain] })).validUntil, "2025-06-20T00:00:00.000Z");
    assert.equal(judge(verified({ periods: [] })).validUntil, null);
  });

  it("names the bound key by the claims, and gives it where it came along", () => {
    const pubkeyHash = { algorithm: "sha-384", value: new Uint8Array(48) } as const;
    const evidence = verified({ boundClaims: { pubkeyHash, nonce: NONCE } });
    assert.deepEqual(judge(evidence).boundKey, { hash: `sha-384:${"00".repeat(48)}` });
    const boundKey = Uint8Array.of(1, 2);
    assert.deepEqual(judge({ ...evidence, boundKey }).boundKey, { hash: `sha-384:${"00".repeat(48)}`, spki: "0102" });
    assert.equal(judge(verified()).boundKey, null);
  });

  it("takes a reference that names the signer alone", () => {
    const verdict = judge(verified(), { referenceValues: [{ mrSigner: MR_SIGNER, source: "signer" }] });
    assert.equal(verdict.verdict, "accepted");
    assert.equal(find(verdict, "measurement")?.result, "skipped");
  });
});
