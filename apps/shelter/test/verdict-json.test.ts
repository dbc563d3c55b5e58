/** `-o json` is for programs: no member goes away or changes its name. A new one is a line more here. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Verdict } from "@inclavare/attestation";
import { data, verdictOf } from "./program.ts";

const JULY = "2025-07-04T00:00:00Z";
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((index) => `pcr${index}`);
const DCAP = ["status", "advisories", "evaluationDataNumber"];
const ARM = ["implementationId", "instanceId", "softwareMeasurements"];
const SGX = ["mrEnclave", "mrSigner", "isvProdId", "isvSvn", "configId", "configSvn", "isvExtProdId", "isvFamilyId"];
const TDX = ["mrTd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrConfigId", "mrOwner", "mrOwnerConfig", "mrSeam"];
const SNP = ["measurement", "hostData", "idKeyDigest", "authorKeyDigest", "familyId", "imageId", "guestSvn", "vmpl"];

/** Arguments, members of `tcb`, members of `measurement` beside `tee` and `debug`. */
const KINDS: readonly (readonly [Verdict["tee"], readonly string[], readonly string[] | null, readonly string[]])[] = [
  ["sgx", [data("sgx-01.quote.bin"), "--collateral", data("sgx-01.collateral.json"), "--time", JULY], DCAP, SGX],
  [
    "tdx",
    [data("tdx-01.quote.bin"), "--collateral", data("tdx-01.collateral.json"), "--time", JULY],
    DCAP,
    [...TDX, "xfam", "tdAttributes", "teeTcbSvn"],
  ],
  [
    "sev-snp",
    [
      data("snp/genoa-v3-a.report.bin"),
      "--endorsement",
      data("snp/genoa-v3-a.vek.der"),
      "--endorsement",
      data("snp/chain-genoa.pem"),
      "--time",
      "2025-12-01T00:00:00Z",
    ],
    ["product", "reported", "committed", "current", "launch"],
    [...SNP, "chipId"],
  ],
  [
    "simulated",
    [data("cca/cca_token.cbor"), "--trust", data("cca/cca_platform.pub"), "--time", JULY],
    null,
    ["rim", "rem0", "rem1", "rem2", "rem3", "personalizationValue", ...ARM],
  ],
  [
    "simulated",
    [data("psa/syn-psa-token.cbor"), "--trust", data("psa/syn-psa-device.pub"), "--time", JULY],
    null,
    ["signerIds", ...ARM],
  ],
  ["nitro", [data("nitro/nitro-a.cose"), "--time", "2021-09-09T10:19:20Z"], null, ["moduleId", ...PCRS]],
];

describe("shelter verify -o json", { concurrency: 2 }, () => {
  for (const [tee, args, tcb, measurement] of KINDS) {
    it(`has the members that it had, of ${args[0]?.split("/").at(-1) ?? tee}`, async () => {
      const { verdict } = await verdictOf(...args);
      assert.deepEqual(Object.keys(verdict), [
        "verdict",
        "tee",
        "tcb",
        "measurement",
        "boundKey",
        "validUntil",
        "checks",
        "claims",
      ]);
      assert.equal(verdict.tee, tee);
      assert.deepEqual(verdict.tcb === null ? null : Object.keys(verdict.tcb), tcb);
      assert.deepEqual(Object.keys(verdict.measurement ?? {}).toSorted(), ["tee", "debug", ...measurement].toSorted());
      for (const check of verdict.checks) {
        const { check: name, result, code, expected, actual, message, ...others } = check;
        assert.deepEqual([others, typeof name, typeof message], [{}, "string", "string"]);
        assert.equal(code !== undefined, result === "failed" || result === "allowed", name);
        for (const fact of [expected, actual]) assert.ok(fact === undefined || typeof fact === "string", name);
      }
    });
  }
});
