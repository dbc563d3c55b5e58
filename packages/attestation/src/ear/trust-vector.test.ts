import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "@inclavare/errors";
import { sampleVerdict } from "../../test/sample-verdict.ts";
import type { Check } from "../check.ts";
import type { TcbStatus } from "../dcap/tcb-status.ts";
import { REFERENCE_FIELDS, type ReferenceField } from "../reference-fields.ts";
import type { Verdict } from "../verdict.ts";
import { tierOf, TRUST_CLAIMS, type TrustTier, type TrustVector } from "./ar4si.ts";
import { MEANING_OF_CHECKS } from "./check-meaning.ts";
import { trustStatusOf, trustVectorOf } from "./trust-vector.ts";

const GOOD = { "instance-identity": 2, configuration: 2, executables: 2, hardware: 2, "runtime-opaque": 2 };

function fail(check: string, code: ErrorCode): Partial<Verdict> {
  return { verdict: "refused", checks: [{ check, result: "failed", code, message: "" }] };
}

function allow(check: string, code: ErrorCode): Partial<Verdict> {
  return { checks: [{ check, result: "allowed", code, message: "" }] };
}

function status(value: TcbStatus, checks: readonly Check[] = []): Partial<Verdict> {
  return { tcb: { status: value, advisories: ["INTEL-SA-1"], evaluationDataNumber: 17 }, checks };
}

const { measurement } = sampleVerdict();
assert.ok(measurement !== null);
const ADVISORIES_LISTED = { check: "advisories", result: "ok", message: "" } as const;

/** Members that are not named are 0; `GOOD` stands below all of them where evidence is true. */
const CASES: readonly (readonly [string, Partial<Verdict>, Partial<TrustVector>, TrustTier])[] = [
  ["all is well", {}, GOOD, "affirming"],
  [
    "nothing but the evidence was looked at",
    { verdict: "verified" },
    { ...GOOD, configuration: 0, executables: 33 },
    "warning",
  ],
  ["SWHardeningNeeded", status("SWHardeningNeeded"), { ...GOOD, configuration: 32 }, "warning"],
  ["ConfigurationNeeded", status("ConfigurationNeeded"), { ...GOOD, configuration: 32 }, "warning"],
  ["its advisories are listed", status("ConfigurationAndSWHardeningNeeded", [ADVISORIES_LISTED]), GOOD, "affirming"],
  ["OutOfDate", status("OutOfDate"), { ...GOOD, hardware: 32 }, "warning"],
  ["OutOfDate, its advisories listed", status("OutOfDate", [ADVISORIES_LISTED]), { ...GOOD, hardware: 32 }, "warning"],
  [
    "OutOfDateConfigurationNeeded",
    status("OutOfDateConfigurationNeeded"),
    { ...GOOD, hardware: 32, configuration: 32 },
    "warning",
  ],
  ["TDRelaunchAdvised", status("TDRelaunchAdvised"), { ...GOOD, hardware: 32 }, "warning"],
  ["Revoked", { ...status("Revoked"), verdict: "refused" }, { ...GOOD, hardware: 96 }, "contraindicated"],
  [
    "simulated evidence that a policy allowed",
    { tee: "simulated", ...allow("simulated", "ERR_POLICY_SIMULATED") },
    { ...GOOD, hardware: 97, "instance-identity": 97 },
    "contraindicated",
  ],
  [
    "simulated evidence that no policy looked at",
    { tee: "simulated", verdict: "verified" },
    { ...GOOD, configuration: 0, executables: 33, hardware: 97, "instance-identity": 97 },
    "contraindicated",
  ],
  [
    "debug that a policy allowed",
    { measurement: { ...measurement, debug: true }, ...allow("debug", "ERR_POLICY_DEBUG") },
    { ...GOOD, configuration: 96, "runtime-opaque": 96 },
    "contraindicated",
  ],
  ["no nonce, allowed", allow("nonce", "ERR_POLICY_NO_NONCE"), GOOD, "warning"],
  ["another nonce", fail("nonce", "ERR_POLICY_NONCE"), GOOD, "contraindicated"],
  ["no reference, allowed", allow("measurement", "ERR_POLICY_NO_REFERENCE"), { ...GOOD, executables: 33 }, "warning"],
  [
    "another measurement",
    fail("measurement", "ERR_POLICY_MEASUREMENT"),
    { ...GOOD, executables: 33 },
    "contraindicated",
  ],
  ["an old version", fail("version", "ERR_POLICY_VERSION"), { ...GOOD, executables: 32 }, "contraindicated"],
  ["#VE", allow("sept-ve-disable", "ERR_POLICY_SEPT_VE_DISABLE"), { ...GOOD, configuration: 32 }, "warning"],
  [
    "#VE, refused",
    fail("sept-ve-disable", "ERR_POLICY_SEPT_VE_DISABLE"),
    { ...GOOD, configuration: 96 },
    "contraindicated",
  ],
  ["a masked chip", allow("chip-bound", "ERR_POLICY_MASKED_CHIP_ID"), { ...GOOD, "instance-identity": 0 }, "warning"],
  [
    "a refused platform",
    fail("platform-id", "ERR_POLICY_PLATFORM"),
    { ...GOOD, "instance-identity": 97 },
    "contraindicated",
  ],
  ["expired collateral", allow("collateral-current", "ERR_COLLATERAL_EXPIRED"), { ...GOOD, hardware: 32 }, "warning"],
  ["no collateral", fail("collateral", "ERR_COLLATERAL_MISSING"), { hardware: 97 }, "contraindicated"],
  [
    "no evidence at all",
    { ...fail("session-proof", "ERR_TLS_EVIDENCE_MISSING"), tee: "unknown", measurement: null, tcb: null },
    { hardware: 97 },
    "contraindicated",
  ],
  ["a revoked TCB", fail("tcb-revocation", "ERR_TCB_REVOKED"), { hardware: 96 }, "contraindicated"],
  ["a platform below all levels", fail("tcb-level", "ERR_TCB_NOT_SUPPORTED"), { hardware: 97 }, "contraindicated"],
  ["broken bytes", fail("evidence-format", "ERR_EVIDENCE_FORMAT"), everywhere(1), "contraindicated"],
  ["a wrong signature", fail("quote-signature", "ERR_QUOTE_SIGNATURE"), everywhere(99), "contraindicated"],
  ["a revoked certificate", fail("pck-crl", "ERR_CERTIFICATE_REVOKED"), everywhere(99), "contraindicated"],
  ["a fault of ours", fail("anything", "ERR_INTERNAL"), everywhere(-1), "contraindicated"],
  [
    "a check that nobody knows here",
    fail("of-tomorrow", "ERR_POLICY_AGE"),
    { ...GOOD, configuration: 96 },
    "contraindicated",
  ],
];

function everywhere(value: number): TrustVector {
  return Object.fromEntries(TRUST_CLAIMS.map((claim) => [claim, value])) as TrustVector;
}

describe("trustVectorOf", () => {
  for (const [what, change, expected, tier] of CASES) {
    it(`${what}: ${tier}`, () => {
      const verdict = sampleVerdict({ checks: [], ...change });
      const vector = trustVectorOf(verdict);
      assert.deepEqual(vector, { ...everywhere(0), ...expected });
      assert.equal(trustStatusOf(verdict, vector), tier);
    });
  }

  it("says of a guest what it booted, and of Nitro and TrustZone that memory is isolated only", () => {
    const nitro = { tee: "nitro", moduleId: "i-1", pcr0: "00".repeat(48), debug: false } as const;
    const verdict = sampleVerdict({ tee: "nitro", measurement: nitro, tcb: null });
    const { executables, "runtime-opaque": runtime } = trustVectorOf(verdict);
    assert.deepEqual([executables, runtime], [3, 32]);
  });
});

describe("the meaning of checks", () => {
  it("is there for every member of a reference", () => {
    for (const fields of Object.values(REFERENCE_FIELDS)) {
      for (const { check } of Object.values<ReferenceField>(fields)) assert.ok(check in MEANING_OF_CHECKS, check);
    }
  });
});

describe("tierOf", () => {
  it("has the limits of AR4SI", () => {
    const limits: readonly (readonly [number, number, TrustTier])[] = [
      [-128, -97, "contraindicated"],
      [-96, -33, "warning"],
      [-32, -2, "affirming"],
      [-1, 1, "none"],
      [2, 31, "affirming"],
      [32, 95, "warning"],
      [96, 127, "contraindicated"],
    ];
    for (const [first, last, tier] of limits) {
      for (let value = first; value <= last; value++) assert.equal(tierOf(value), tier, String(value));
    }
  });
});
