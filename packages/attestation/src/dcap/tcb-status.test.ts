import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ENCLAVE_STATUSES, mergeTcbStatus, PLATFORM_STATUSES, type PlatformStatus } from "./tcb-status.ts";

/** Every pair: platform, then what comes of UpToDate, OutOfDate and Revoked merged into it. */
const TABLE: readonly (readonly [PlatformStatus, PlatformStatus, PlatformStatus, PlatformStatus])[] = [
  ["UpToDate", "UpToDate", "OutOfDate", "Revoked"],
  ["SWHardeningNeeded", "SWHardeningNeeded", "OutOfDate", "Revoked"],
  ["ConfigurationNeeded", "ConfigurationNeeded", "OutOfDateConfigurationNeeded", "Revoked"],
  ["ConfigurationAndSWHardeningNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDateConfigurationNeeded", "Revoked"],
  ["OutOfDate", "OutOfDate", "OutOfDate", "Revoked"],
  ["OutOfDateConfigurationNeeded", "OutOfDateConfigurationNeeded", "OutOfDateConfigurationNeeded", "Revoked"],
  ["Revoked", "Revoked", "Revoked", "Revoked"],
];

describe("mergeTcbStatus", () => {
  it("has a row for every status", () => {
    assert.deepEqual(
      TABLE.map(([platform]) => platform),
      PLATFORM_STATUSES,
    );
  });

  for (const [platform, ...merged] of TABLE) {
    it(`merges every status into ${platform}`, () => {
      assert.deepEqual(
        ENCLAVE_STATUSES.map((part) => mergeTcbStatus(platform, part)),
        merged,
      );
    });
  }
});
