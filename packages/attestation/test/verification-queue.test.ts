import assert from "node:assert/strict";
import { createPublicKey, type KeyObject } from "node:crypto";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CheckList } from "../src/check.ts";
import {
  VerificationCache,
  VerificationQueue,
  type Verdict,
  verifyEvidence,
  type VerifyEvidenceInput,
} from "../src/index.ts";
import { findVek } from "../src/snp/chain.ts";
import { decodeSnpReport } from "../src/snp/decode.ts";
import { parseEndorsements } from "../src/snp/endorsements.ts";
import { examineSnpReport } from "../src/snp/verify.ts";
import { createSnpWorld, SNP_NOW } from "./snp-world.ts";
import { createWorld, newKey, NOW } from "./world.ts";

const world = createWorld();
const td = createWorld({ td: {} });
const snp = createSnpWorld();
const tampered = createSnpWorld({ tamper: (report) => void report.writeUInt8(report.readUInt8(0x90) ^ 1, 0x90) });
const common = { allow: [], evidenceOnly: true } as const;

function dcap({ quote: bytes, collateral, trustAnchors }: typeof world): VerifyEvidenceInput {
  return { ...common, bytes, collateral, trustAnchors, now: NOW };
}

function amd({ report: bytes, endorsements, trustAnchors }: typeof snp): VerifyEvidenceInput {
  return { ...common, bytes, endorsements, trustAnchors, now: SNP_NOW };
}

/** Every kind of outcome: right, wrong by signature, wrong by format, without what it needs. */
const INPUTS: readonly VerifyEvidenceInput[] = [
  dcap(world),
  dcap(td),
  { ...dcap(world), bytes: world.quote.map((byte, index) => (index === 112 ? byte ^ 1 : byte)) },
  { ...dcap(world), now: new Date("2030-01-01T00:00:00Z") },
  amd(snp),
  amd(tampered),
  { ...amd(snp), endorsements: [] },
  { ...amd(snp), bytes: snp.report.subarray(0, 1000) },
  { ...common, bytes: new Uint8Array(10), trustAnchors: [], now: NOW },
];

describe("VerificationQueue", () => {
  it("gives a thousand verdicts at once, each the one that verifyEvidence gives", async () => {
    const expected = INPUTS.map((input) => verifyEvidence(input));
    assert.deepEqual([...new Set(expected.map(({ verdict }) => verdict))].toSorted(), ["refused", "verified"]);
    using queue = new VerificationQueue();
    const many = Array.from({ length: 1000 }, (_, index) => index % INPUTS.length);
    const verdicts = await Promise.all(many.map((kind) => queue.verify(INPUTS[kind] as VerifyEvidenceInput)));
    for (const [index, kind] of many.entries()) assert.deepEqual(verdicts[index], expected[kind]);
    assert.equal(queue.size, 0);
  });

  it("lets everything else have its turn after each slice", async () => {
    using queue = new VerificationQueue({ sliceMs: 0 });
    let done = 0;
    const all = Promise.all(
      Array.from({ length: 20 }, async () => {
        await queue.verify(dcap(world));
        done += 1;
      }),
    );
    const seen = [0];
    while (done < 20) {
      await nextTurn();
      seen.push(done);
    }
    await all;
    // With a slice of no length there is a turn of the event loop between any two verdicts.
    const steps = seen.slice(1).map((now, index) => now - (seen[index] ?? 0));
    assert.ok(
      steps.every((step) => step <= 1),
      steps.join(" "),
    );
  });

  it("verifies the signature of an SNP report on another thread, and takes none for right that is not", async () => {
    using queue = new VerificationQueue();
    const pending = queue.verify(amd(snp));
    const order: string[] = [];
    const verdicts = Promise.all([
      pending.then((verdict: Verdict) => order.push(verdict.verdict)),
      queue.verify(dcap(world)).then(() => order.push("quote")),
      queue.verify(amd(tampered)).then(({ checks }) => {
        assert.ok(checks.some(({ code }) => code === "ERR_SNP_SIGNATURE"));
      }),
    ]);
    await verdicts;
    assert.deepEqual(order, ["quote", "verified"], "the quote does not wait for the report's signature");
  });

  it("goes by a signature that was verified before for the very same report and key only", () => {
    const input = { ...snp, report: tampered.report, endorsements: snp.endorsements.join("\n"), now: SNP_NOW };
    const cache = new VerificationCache();
    const signatureResult = (verifiedSignature?: { report: Uint8Array; publicKey: KeyObject }): string | undefined => {
      const list = new CheckList();
      const before = verifiedSignature === undefined ? {} : { verifiedSignature };
      examineSnpReport({ ...input, cache, ...before }, list);
      return list.checks.find(({ check }) => check === "report-signature")?.result;
    };
    const { publicKey } = findVek(
      parseEndorsements(input.endorsements).certificates,
      decodeSnpReport(snp.report),
    ).certificate;
    assert.equal(signatureResult(), "failed");
    assert.equal(signatureResult({ report: tampered.report, publicKey }), "ok");
    assert.equal(signatureResult({ report: snp.report, publicKey }), "failed");
    assert.equal(signatureResult({ report: tampered.report, publicKey: createPublicKey(newKey()) }), "failed");
  });

  it("takes no more than its limit, and cancels what waits when it is closed", async () => {
    const queue = new VerificationQueue({ limit: 2 });
    const waiting = [queue.verify(dcap(world)), queue.verify(dcap(world))];
    await assert.rejects(queue.verify(dcap(world)), { code: "ERR_VERIFIER_BUSY" });
    queue.close();
    for (const one of waiting) await assert.rejects(one, { code: "ERR_CANCELLED" });
    await assert.rejects(queue.verify(dcap(world)), { code: "ERR_CANCELLED" });
    assert.equal(queue.size, 0);
  });
});
