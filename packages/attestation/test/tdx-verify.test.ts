import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "@inclavare/errors";
import { exitCodeOf, type Verdict, verifyEvidence, type VerifyEvidenceInput } from "../src/index.ts";
import { createWorld, enclaveLevel, moduleIdentity, NOW, tdxLevel, type WorldOptions } from "./world.ts";

function verify(options: WorldOptions, change: Partial<VerifyEvidenceInput> = {}): Verdict {
  const { quote: bytes, collateral, trustAnchors } = createWorld({ td: {}, ...options });
  return verifyEvidence({ bytes, collateral, trustAnchors, now: NOW, allow: [], evidenceOnly: true, ...change });
}

function failures(verdict: Verdict): readonly (readonly [string, ErrorCode | undefined])[] {
  return verdict.checks.filter(({ result }) => result === "failed").map(({ check, code }) => [check, code]);
}

function statusOf({ tcb }: Verdict): string | undefined {
  return tcb?.status;
}

const NEWER = [5, 1, 5, ...Array<number>(13).fill(5)];
const OLDER = [2, 1, 5, ...Array<number>(13).fill(5)];

const WRONG: readonly (readonly [string, WorldOptions, string, ErrorCode])[] = [
  ["module of another signer", { td: { mrSignerSeam: Buffer.alloc(48, 1) } }, "tdx-module", "ERR_TDX_MODULE"],
  ["module with attributes", { td: { seamAttributes: Buffer.alloc(8, 1) } }, "tdx-module", "ERR_TDX_MODULE"],
  [
    "module with attributes that the mask hides",
    {
      td: { seamAttributes: Buffer.alloc(8, 1) },
      tcbInfo: {
        tdxModule: { mrsigner: "00".repeat(48), attributes: "00".repeat(8), attributesMask: "00".repeat(8) },
      },
    },
    "tdx-module",
    "ERR_TDX_MODULE",
  ],
  [
    "module without the attributes that TCB Info wants",
    {
      tcbInfo: {
        tdxModule: { mrsigner: "00".repeat(48), attributes: "01".repeat(8), attributesMask: "ff".repeat(8) },
      },
    },
    "tdx-module",
    "ERR_TDX_MODULE",
  ],
  ["module of an unknown version", { td: { teeTcbSvn: [5, 2, 5] } }, "tdx-module", "ERR_TDX_MODULE"],
  [
    "module of version 1 by another signer",
    { td: { teeTcbSvn: NEWER, mrSignerSeam: Buffer.alloc(48, 1) } },
    "tdx-module",
    "ERR_TDX_MODULE",
  ],
  [
    "module of version 1 below all levels",
    { td: { teeTcbSvn: [1, 1, 5, ...Array<number>(13).fill(5)] } },
    "tdx-module",
    "ERR_TCB_NOT_SUPPORTED",
  ],
  ["no tdxModule", { tcbInfo: { tdxModule: undefined } }, "tdx-module", "ERR_TDX_MODULE"],
  ["TDX components below all levels", { td: { teeTcbSvn: [1, 0, 5] } }, "tcb-level", "ERR_TCB_NOT_SUPPORTED"],
  ["SGX components below all levels", { components: Array<number>(16).fill(1) }, "tcb-level", "ERR_TCB_NOT_SUPPORTED"],
  [
    "levels without TDX components",
    { tcbInfo: { tcbLevels: [{ ...tdxLevel("UpToDate", 1, []), tcb: { ...sgxOnly(), pcesvn: 1 } }] } },
    "tcb-level",
    "ERR_TCB_NOT_SUPPORTED",
  ],
  ["TCB Info of SGX", { tcbInfo: { id: "SGX" } }, "tcb-info", "ERR_COLLATERAL_MISMATCH"],
  ["QE Identity of SGX", { qeIdentity: { id: "QE" } }, "qe-identity", "ERR_COLLATERAL_MISMATCH"],
  ["outer certification data of type 5", { td: { outerType: 5 } }, "quote-format", "ERR_EVIDENCE_FORMAT"],
  ["certification data inside of type 6", { certificationType: 6 }, "quote-format", "ERR_EVIDENCE_FORMAT"],
  ["SGX body in a TDX quote", { td: { version: 5, bodyType: 1 } }, "quote-format", "ERR_EVIDENCE_FORMAT"],
  ["an unknown body", { td: { version: 5, bodyType: 4 } }, "quote-format", "ERR_EVIDENCE_FORMAT"],
  ["a body of another size", { td: { version: 5, bodySize: 584 } }, "quote-format", "ERR_EVIDENCE_FORMAT"],
];

function sgxOnly(): object {
  return { sgxtcbcomponents: Array.from({ length: 16 }, () => ({ svn: 1 })) };
}

describe("examineTdxQuote", () => {
  for (const td of [{}, { version: 5, bodyType: 2 }, { version: 5 }, { teeTcbSvn: NEWER }] as const) {
    it(`verifies a world without fault: ${JSON.stringify(td)}`, () => {
      const verdict = verify({ td });
      assert.deepEqual(failures(verdict), []);
      assert.deepEqual([verdict.verdict, statusOf(verdict)], ["verified", "UpToDate"]);
      assert.equal(verdict.measurement?.tee, "tdx");
    });
  }

  for (const [what, options, check, code] of WRONG) {
    it(`refuses: ${what}`, () => {
      const verdict = verify(options);
      assert.deepEqual(failures(verdict)[0], [check, code]);
      assert.equal(exitCodeOf(verdict), 3);
    });
  }

  it("merges the module's level into the platform's, with its advisories", () => {
    const verdict = verify({ td: { teeTcbSvn: OLDER } });
    assert.equal(statusOf(verdict), "OutOfDate");
    assert.deepEqual(verdict.tcb?.advisories, ["INTEL-SA-3"]);
    const tcbLevels = [tdxLevel("ConfigurationNeeded", 5, [5, 0, 5])];
    assert.equal(
      statusOf(verify({ td: { teeTcbSvn: OLDER }, tcbInfo: { tcbLevels } })),
      "OutOfDateConfigurationNeeded",
    );
    const revoked = [moduleIdentity([enclaveLevel("Revoked", 2)])];
    const refused = verify({ td: { teeTcbSvn: OLDER }, tcbInfo: { tdxModuleIdentities: revoked } });
    assert.deepEqual(failures(refused), [["tcb-revocation", "ERR_TCB_REVOKED"]]);
  });

  it("compares the third component of a module of version 1 with the platform's levels", () => {
    const verdict = verify({ td: { teeTcbSvn: [5, 1, 4, ...Array<number>(13).fill(5)] } });
    assert.equal(statusOf(verdict), "OutOfDate");
  });

  describe("relaunch", () => {
    const relaunch = { version: 5, teeTcbSvn: OLDER, teeTcbSvn2: [5, 1, 5] } as const;
    const configuration = { tcbLevels: [tdxLevel("ConfigurationNeeded", 5, [5, 0, 5])] };
    for (const [what, options, expected] of [
      ["is advised where the loaded module is current", { td: relaunch }, "TDRelaunchAdvised"],
      [
        "is advised for a loaded module of version 0",
        { td: { ...relaunch, teeTcbSvn2: [5, 0, 5] } },
        "TDRelaunchAdvised",
      ],
      [
        "keeps the configuration part",
        { td: relaunch, tcbInfo: configuration },
        "TDRelaunchAdvisedConfigurationNeeded",
      ],
      [
        "does not help where the module was current at launch",
        { td: { ...relaunch, teeTcbSvn: [5, 1, 4, ...Array<number>(13).fill(5)] } },
        "OutOfDate",
      ],
      [
        "keeps the configuration part of the SGX status",
        {
          td: { ...relaunch, teeTcbSvn: [2, 1, 4, ...Array<number>(13).fill(5)] },
          tcbInfo: { tcbLevels: [tdxLevel("ConfigurationNeeded", 5, [5, 0, 5]), tdxLevel("OutOfDate", 5, [2, 0, 2])] },
        },
        "TDRelaunchAdvisedConfigurationNeeded",
      ],
      [
        "keeps the configuration part of the TDX status",
        {
          td: { ...relaunch, teeTcbSvn: [2, 1, 4, ...Array<number>(13).fill(5)] },
          tcbInfo: {
            tcbLevels: [tdxLevel("UpToDate", 5, [5, 0, 5]), tdxLevel("OutOfDateConfigurationNeeded", 5, [2, 0, 2])],
          },
        },
        "TDRelaunchAdvisedConfigurationNeeded",
      ],
      ["does not help with an old loader", { td: { ...relaunch, teeTcbSvn2: [5, 1, 4] } }, "OutOfDate"],
      ["does not help with an old module", { td: { ...relaunch, teeTcbSvn2: [4, 1, 5] } }, "OutOfDate"],
      ["does not help with an unknown module", { td: { ...relaunch, teeTcbSvn2: [5, 7, 5] } }, "OutOfDate"],
      [
        "does not help where the quoting enclave is out of date",
        { td: relaunch, qeReport: { isvSvn: 6 } },
        "OutOfDate",
      ],
      [
        "does not help where the platform is out of date",
        { td: relaunch, components: Array<number>(16).fill(4) },
        "OutOfDate",
      ],
      ["is unknown to TDX 1.0", { td: { ...relaunch, bodyType: 2 } }, "OutOfDate"],
    ] as const) {
      it(what, () => assert.equal(statusOf(verify(options)), expected));
    }
  });

  describe("under a policy", () => {
    const allow = ["simulated", "no-nonce"] as const;
    const source = "the test";
    const reference = { mrTd: "01".repeat(48), rtmr1: "06".repeat(48), source };
    const judge = (options: WorldOptions, change: Partial<VerifyEvidenceInput> = {}): Verdict => {
      const policy = { referenceValues: [reference], acceptedTcbStatuses: ["UpToDate"], allow: [] } as const;
      return verify(options, { policy, allow, evidenceOnly: false, ...change });
    };

    it("accepts what matches its reference", () => assert.equal(exitCodeOf(judge({})), 0));

    for (const [what, options, code, word] of [
      ["a TD under debug", { td: { tdAttributes: (1n << 28n) | 1n } }, "ERR_POLICY_DEBUG", "debug"],
      ["a TD under profiling", { td: { tdAttributes: (1n << 28n) | 0x20n } }, "ERR_POLICY_DEBUG", "debug"],
      ["SEPT_VE_DISABLE clear", { td: { tdAttributes: 0n } }, "ERR_POLICY_SEPT_VE_DISABLE", "no-sept-ve-disable"],
      [
        "a bound service TD",
        { td: { version: 5, mrServiceTd: Buffer.alloc(48, 1) } },
        "ERR_POLICY_SERVICE_TD",
        "service-td",
      ],
    ] as const) {
      it(`refuses ${what} unless its word allows it`, () => {
        const refused = judge(options);
        assert.deepEqual([exitCodeOf(refused), failures(refused).map(([, found]) => found)], [5, [code]]);
        assert.equal(exitCodeOf(judge(options, { allow: [...allow, word] })), 0);
      });
    }

    it("refuses reserved attributes under any word", () => {
      const verdict = judge({ td: { tdAttributes: (1n << 28n) | (1n << 40n) } });
      assert.deepEqual(failures(verdict), [["td-attributes", "ERR_POLICY_TD_ATTRIBUTES"]]);
    });

    it("compares each member that the reference names", () => {
      const policy = (change: object) =>
        ({
          referenceValues: [{ ...reference, ...change }],
          acceptedTcbStatuses: ["UpToDate"],
          allow: [],
        }) as const;
      for (const [member, check] of [
        ["mrTd", "measurement"],
        ["rtmr0", "rtmr0"],
        ["rtmr3", "rtmr3"],
        ["mrConfigId", "config-id"],
        ["mrOwner", "owner"],
        ["mrOwnerConfig", "owner-config"],
        ["mrSeam", "seam"],
        ["xfam", "xfam"],
        ["tdAttributes", "attributes"],
      ] as const) {
        const verdict = judge(
          {},
          { policy: policy({ [member]: "ff".repeat(check === "xfam" || check === "attributes" ? 8 : 48) }) },
        );
        assert.deepEqual(
          failures(verdict).map(([name]) => name),
          [check],
        );
      }
      const least = "05000500000000000000000000000000";
      assert.equal(exitCodeOf(judge({}, { policy: policy({ minTeeTcbSvn: least }) })), 0);
      const above = judge({}, { policy: policy({ minTeeTcbSvn: `${least.slice(0, 30)}06` }) });
      assert.deepEqual(failures(above), [["version", "ERR_POLICY_VERSION"]]);
    });

    it("compares the module with the minimum of its own version", () => {
      const judged = (minTdxModuleSvn: Readonly<Record<string, number>>): Verdict => {
        const rest = { referenceValues: [reference], acceptedTcbStatuses: ["UpToDate"], allow: [] } as const;
        return judge({}, { policy: { ...rest, minTdxModuleSvn } });
      };
      for (const least of [{ 0: 5 }, { 0: 0, 1: 255 }]) assert.equal(exitCodeOf(judged(least)), 0);
      for (const least of [{ 0: 6 }, { 1: 0 }, {}]) {
        assert.deepEqual(failures(judged(least)), [["tdx-module-version", "ERR_POLICY_VERSION"]]);
      }
    });

    it("knows platform type and platform by the PCK certificate", () => {
      const judged = (change: object): Verdict => {
        const rest = { referenceValues: [reference], acceptedTcbStatuses: ["UpToDate"], allow: [] } as const;
        return judge({}, { policy: { ...rest, ...change } });
      };
      const good = { acceptedFmspcs: ["00a0b0c0d0e0"], acceptedPlatforms: ["00".repeat(16)] };
      assert.equal(exitCodeOf(judged(good)), 0);
      const bad = { acceptedFmspcs: ["00a0b0c0d0e1"], refusedPlatforms: ["00".repeat(16)] };
      assert.deepEqual(failures(judged(bad)), [
        ["fmspc", "ERR_POLICY_PLATFORM"],
        ["platform-id", "ERR_POLICY_PLATFORM"],
      ]);
    });

    it("takes a reference of SGX for none", () => {
      const policy = {
        referenceValues: [{ mrEnclave: "aa".repeat(32), source }],
        acceptedTcbStatuses: ["UpToDate"],
        allow: [],
      } as const;
      assert.deepEqual(failures(judge({}, { policy })), [["measurement", "ERR_POLICY_NO_REFERENCE"]]);
    });
  });
});
