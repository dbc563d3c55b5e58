import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Allowance,
  ALLOWANCES,
  endorsementToPem,
  exitCodeOf,
  parsePolicy,
  type Policy,
  policyFromEvidence,
  trustAnchorsFromPem,
  builtinTrustAnchors,
  type Verdict,
  verifyEvidence,
  type VerifyEvidenceInput,
} from "../src/index.ts";
import { MEANING_OF_CHECKS } from "../src/ear/check-meaning.ts";
import { anchorsOf, findVector, readCollateral, readData } from "./vectors.ts";

type Evidence = Pick<VerifyEvidenceInput, "bytes" | "trustAnchors" | "now"> & Partial<VerifyEvidenceInput>;

function quote(id: string): Evidence {
  const vector = findVector(id);
  return {
    bytes: readData(vector.quote),
    collateral: readCollateral(vector.collateral),
    trustAnchors: anchorsOf(vector),
    now: new Date(vector.time),
  };
}

function report(id: string, product: string): Evidence {
  return {
    bytes: readData(`snp/${id}.report.bin`),
    endorsements: [`snp/${id}.vek.der`, `snp/chain-${product}.pem`].map((name) =>
      endorsementToPem(readData(name), name),
    ),
    trustAnchors: builtinTrustAnchors(),
    now: new Date("2025-12-01T00:00:00Z"),
  };
}

/** With the words beside `no-nonce` that the evidence needs under the strictest policy. */
const EVIDENCE: readonly (readonly [string, Evidence, readonly Allowance[]])[] = [
  ["an SGX quote", quote("syn-sgx-ok"), ["simulated"]],
  [
    "an SGX quote of a weak platform in debug",
    quote("sgx-02"),
    ["debug", "configuration-needed", "sw-hardening-needed"],
  ],
  ["a TDX quote", quote("tdx-01"), []],
  ["a TDX quote of TDX 1.5", quote("tdx-02"), []],
  [
    "an SEV-SNP report on Milan",
    { ...report("milan-v2-b", "milan"), now: new Date("2024-06-01T00:00:00Z") },
    ["no-revocation"],
  ],
  ["an SEV-SNP report on Genoa", report("genoa-v3-a", "genoa"), ["no-revocation"]],
  [
    "a CCA token",
    {
      bytes: readData("cca/cca_token.cbor"),
      trustAnchors: trustAnchorsFromPem(Buffer.from(readData("cca/cca_platform.pub")).toString("latin1"), "key"),
      now: new Date("2025-01-01T00:00:00Z"),
    },
    ["simulated"],
  ],
  [
    "a PSA token",
    {
      bytes: readData("psa/syn-psa-token.cbor"),
      trustAnchors: trustAnchorsFromPem(Buffer.from(readData("psa/syn-psa-device.pub")).toString("latin1"), "key"),
      now: new Date("2025-06-15T00:00:00Z"),
    },
    ["simulated"],
  ],
  [
    "a Nitro document",
    {
      bytes: readData("nitro/nitro-a.cose"),
      trustAnchors: builtinTrustAnchors(),
      now: new Date("2021-09-09T10:19:20Z"),
    },
    ["debug"],
  ],
];

function verify(evidence: Evidence, change: Partial<VerifyEvidenceInput>): Verdict {
  return verifyEvidence({ allow: [], evidenceOnly: false, ...evidence, ...change });
}

function policyOf(evidence: Evidence, allow: readonly Allowance[], pinPlatform = false): Policy {
  const verdict = verify(evidence, { evidenceOnly: true });
  const { measurement } = verdict;
  assert.ok(measurement !== null && verdict.verdict === "verified", JSON.stringify(verdict.checks));
  return policyFromEvidence({ ...verdict, measurement }, { source: "the test", allow, pinPlatform });
}

function failed({ checks }: Verdict): string[] {
  return checks.filter(({ result }) => result === "failed").map(({ check }) => check);
}

describe("policyFromEvidence", () => {
  for (const [what, evidence, words] of EVIDENCE) {
    it(`of ${what} is a policy that takes it, with no word that it does not need`, () => {
      const allow = [...words, "no-nonce"] as const;
      for (const pinPlatform of [false, true]) {
        const policy = policyOf(evidence, allow, pinPlatform);
        const members = Object.keys(policy).filter((member) => member !== "comment");
        assert.deepEqual(
          policy.comment?.map((text) => text.split(":")[0]),
          members,
        );
        assert.deepEqual(parsePolicy(JSON.stringify(policy), "policy"), policy);
        assert.deepEqual(failed(verify(evidence, { policy })), []);
        assert.equal(exitCodeOf(verify(evidence, { policy })), 0);
        for (const word of allow) {
          const stricter = { ...policy, allow: allow.filter((other) => other !== word) };
          assert.notEqual(exitCodeOf(verify(evidence, { policy: stricter })), 0, word);
        }
      }
    });

    it(`of ${what} takes no other software`, () => {
      const policy = policyOf(evidence, ALLOWANCES);
      const [reference = { source: "none" }] = policy.referenceValues;
      let changes = 0;
      for (const [name, value] of Object.entries(reference)) {
        const other = otherThan(value);
        if (name === "source" || other === undefined) continue;
        const changed = { ...policy, referenceValues: [{ ...reference, [name]: other }] };
        assert.equal(exitCodeOf(verify(evidence, { policy: changed })), 5, name);
        changes++;
      }
      assert.ok(changes >= 3, `${changes} members`);
    });
  }

  it("leads to no check whose meaning the trustworthiness vector does not know", () => {
    for (const [what, evidence] of EVIDENCE) {
      const before = new Set(verify(evidence, { evidenceOnly: true }).checks.map(({ check }) => check));
      const verdict = verify(evidence, { policy: { ...policyOf(evidence, [], true), acceptedAdvisories: [] } });
      const checks = verdict.checks.map(({ check }) => check).filter((check) => !before.has(check));
      assert.ok(checks.length > 5, what);
      for (const check of checks) assert.ok(check in MEANING_OF_CHECKS, `${check} of ${what}`);
    }
  });

  it("names the lowest firmware and collateral that will do: what this evidence has", () => {
    const snp = policyOf(report("genoa-v3-a", "genoa"), []);
    assert.deepEqual(Object.keys(snp.minSnpTcb ?? {}), ["Genoa"]);
    assert.deepEqual(snp.acceptedVmpls, [0]);
    const tdx = policyOf(quote("tdx-05"), []);
    assert.equal(tdx.minEvaluationDataNumber !== undefined, true);
    assert.deepEqual(Object.keys(tdx.minTdxModuleSvn ?? {}), ["1"]);
    const [reference] = tdx.referenceValues;
    assert.deepEqual([reference?.mrSeam, reference?.minTeeTcbSvn?.slice(0, 4)], [undefined, "0000"]);
  });

  it("binds to one machine only where that is wanted", () => {
    const evidence = quote("sgx-01");
    assert.deepEqual(
      [policyOf(evidence, []).acceptedFmspcs, policyOf(evidence, []).acceptedPlatforms],
      [undefined, undefined],
    );
    const pinned = policyOf(evidence, [], true);
    assert.equal(pinned.acceptedFmspcs?.length, 1);
    assert.equal(pinned.acceptedPlatforms?.length, 1);
    const milan = report("milan-v2-b", "milan");
    const both = [false, true].map((pin) => policyOf({ ...milan, now: new Date("2024-06-01T00:00:00Z") }, [], pin));
    assert.deepEqual(
      both.map(({ referenceValues: [reference] }) => typeof reference?.chipId),
      ["undefined", "string"],
    );
  });
});

/** A value that differs from a wanted one; of a minimum a higher one. */
function otherThan(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (Array.isArray(value)) return [];
  if (typeof value !== "string" || !/^[0-9a-f]+$/u.test(value)) return undefined;
  const last = Number.parseInt(value.slice(-2), 16);
  return `${value.slice(0, -2)}${((last + 1) % 256).toString(16).padStart(2, "0")}`;
}
