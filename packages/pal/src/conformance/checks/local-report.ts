import type { Check } from "../check.ts";
import { expect, expectEqual } from "../finding.ts";
import type { Trial } from "../trial.ts";

const TARGETINFO_BYTES = 512;
const REPORT_BYTES = 432;
/** What is the same for every target: the body, without key id and MAC. */
const BODY_BYTES = 384;

async function reportFor(trial: Trial, target: Uint8Array): Promise<Uint8Array> {
  const report = await trial.runtime.getLocalReport?.(target);
  expect(report !== undefined, "there is no get local report");
  return report;
}

/** A TARGETINFO: MRENCLAVE of the target in bytes 0 to 31, its attributes in 32 to 47. */
function target(fill: number): Uint8Array {
  return new Uint8Array(TARGETINFO_BYTES).fill(fill, 0, 32);
}

export const localReportChecks: readonly Check[] = [
  {
    name: "local-report",
    specification:
      "pal_get_local_report makes an EREPORT of 432 bytes for the enclave that a TARGETINFO of 512 bytes names.",
    requires: "init",
    since: 3,
    async run(trial) {
      const [one, other] = [await reportFor(trial, target(1)), await reportFor(trial, target(2))];
      expectEqual([one.length, other.length], [REPORT_BYTES, REPORT_BYTES], "the length of two reports");
      const [body, otherBody] = [one, other].map((report) =>
        Buffer.from(report.subarray(0, BODY_BYTES)).toString("hex"),
      );
      expect(body === otherBody, "the bodies of two reports for two targets differ, expected the same enclave in both");
      const short = target(1).subarray(0, TARGETINFO_BYTES - 1);
      await trial.expectFailure(reportFor(trial, short), `get local report for ${short.length} bytes`);
    },
  },
];
