/** SGX quotes through aesmd: the documented exchange, whose report data it is, and answers that are wrong. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import { encodeReportBody, type EnclaveReport } from "@inclavare/sgx";
import { createAesmQuoter, type EnclaveReporter } from "../src/attesters/index.ts";
import { verifyEvidence } from "../src/index.ts";
import { type AesmFaults, bytes, framed, number, quoteOf, startAesm, TARGET_INFO } from "./aesm-double.ts";
import { createWorld, NOW } from "./world.ts";

const directory = mkdtempSync(join(tmpdir(), "aesm-"));
after(() => rmSync(directory, { recursive: true, force: true }));
let sockets = 0;

const REPORT_DATA = Buffer.alloc(64, 0xdd);

/** EREPORT of an enclave: the body, then key id and MAC. */
function reportWith(reportData: Uint8Array): Uint8Array {
  const zero = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes);
  const body: EnclaveReport = {
    cpuSvn: zero(16),
    miscSelect: 0,
    cetAttributes: 0,
    isvExtProdId: zero(16),
    attributes: { flags: 5n, xfrm: 3n },
    mrEnclave: Buffer.alloc(32, 0xaa),
    mrSigner: Buffer.alloc(32, 0xbb),
    configId: zero(64),
    isvProdId: 1,
    isvSvn: 1,
    configSvn: 0,
    isvFamilyId: zero(16),
    reportData,
  };
  return Buffer.concat([encodeReportBody(body), Buffer.alloc(48)]);
}

const enclave: EnclaveReporter = {
  reportDataChosenBy: "enclave",
  async report(targetInfo, reportData) {
    assert.deepEqual(Buffer.from(targetInfo), TARGET_INFO);
    return await Promise.resolve(reportWith(reportData));
  },
};

async function withAesm<T>(faults: AesmFaults, action: (socketPath: string) => Promise<T>): Promise<T> {
  sockets += 1;
  const socketPath = join(directory, `${sockets}.sock`);
  await using _aesm = await startAesm(socketPath, faults);
  return await action(socketPath);
}

async function codeOf(faults: AesmFaults, reporter: EnclaveReporter = enclave): Promise<ErrorCode | "none"> {
  return await withAesm(faults, async (socketPath) => {
    try {
      await createAesmQuoter({ reporter, socketPath, timeoutMs: 500 }).evidence(REPORT_DATA);
      return "none";
    } catch (error) {
      if (isInclavareError(error)) return error.code;
      throw error;
    }
  });
}

describe("quotes from aesmd", () => {
  it("of a report that the enclave made for the quoting enclave, which verify", async () => {
    const socketPath = join(directory, "good.sock");
    await using aesm = await startAesm(socketPath);
    const evidence = await createAesmQuoter({ reporter: enclave, socketPath }).evidence(REPORT_DATA);
    const { collateral, trustAnchors } = createWorld();
    const verdict = verifyEvidence({
      bytes: evidence.quote,
      collateral,
      trustAnchors,
      now: NOW,
      nonce: REPORT_DATA,
      allow: [],
      evidenceOnly: true,
    });
    assert.equal(verdict.verdict, "verified");
    // One request a connection, in Intel's order: keys, target info (first for the size of the key's id), size, quote.
    assert.deepEqual(
      aesm.requests.map(({ operation }) => operation),
      [21, 22, 15, 15, 16, 17],
    );
    const [, ids, first, second, size, quote] = aesm.requests.map(({ fields }) => fields);
    assert.equal(ids?.get(1), 512);
    assert.deepEqual([first?.get(3), first?.get(4), second?.get(3), second?.get(4)], [0, 0, 1, 32]);
    for (const fields of [first, size]) {
      const id = fields?.get(1);
      assert.ok(id instanceof Buffer && id.readUInt32LE(154) === 2);
    }
    assert.deepEqual(quote?.get(1), Buffer.from(reportWith(REPORT_DATA)));
    assert.equal(quote?.get(4), 8192);
    for (const { fields } of aesm.requests) assert.equal(fields.get(9), 15_000);
  });

  it("bind only what the enclave chose", async () => {
    const host: EnclaveReporter = { ...enclave, reportDataChosenBy: "host" };
    const nothing: EnclaveReporter = {
      ...enclave,
      report: async () => await Promise.resolve(reportWith(Buffer.alloc(64))),
    };
    const short: EnclaveReporter = { ...enclave, report: async () => await Promise.resolve(Buffer.alloc(431)) };
    for (const reporter of [host, nothing, short]) assert.equal(await codeOf({}, reporter), "ERR_EVIDENCE_UNBOUND");
    const other = quoteOf(reportWith(Buffer.alloc(64, 1)));
    assert.equal(await codeOf({ quote: () => other }), "ERR_EVIDENCE_UNBOUND");
    await withAesm({}, async (socketPath) => {
      const quoter = createAesmQuoter({ reporter: enclave, socketPath });
      await assert.rejects(quoter.evidence(Buffer.alloc(32)), (error) =>
        isInclavareError(error, "ERR_EVIDENCE_UNBOUND"),
      );
    });
  });

  it("are refused with aesmd's own number", async () => {
    for (const operation of [21, 22, 15, 16, 17])
      assert.equal(await codeOf({ errors: { [operation]: 18 } }), "ERR_AESM");
    await withAesm({ errors: { 17: 18 } }, async (socketPath) => {
      await assert.rejects(createAesmQuoter({ reporter: enclave, socketPath }).evidence(REPORT_DATA), (error) => {
        return isInclavareError(error, "ERR_AESM") && error.details["error"] === 18;
      });
    });
  });

  it("need a key for ECDSA with P-256", async () => {
    for (const algorithms of [[], [0], [0, 3]]) assert.equal(await codeOf({ algorithms }), "ERR_AESM");
    assert.equal(await codeOf({ algorithms: [3, 2, 0] }), "none");
    assert.equal(await codeOf({ algorithms: Array<number>(65).fill(0) }), "ERR_AESM_PROTOCOL");
  });

  it("answers that are none", async () => {
    const wrong: readonly AesmFaults[] = [
      { answers: { 21: Buffer.alloc(0) } },
      { answers: { 21: Buffer.from([1, 0, 0, 0]) } },
      { answers: { 21: framed(Buffer.from([0xff])) } },
      { answers: { 21: framed(bytes(22, number(1, 0))) } },
      { answers: { 21: Buffer.concat([framed(bytes(21, number(2, 1))), Buffer.from([0])]) } },
      { answers: { 21: Buffer.from([0xff, 0xff, 0xff, 0x7f, 0]) } },
      { answers: { 22: framed(bytes(22, bytes(2, Buffer.alloc(100)))) } },
      { answers: { 15: framed(bytes(15, number(3, 0))) } },
      { answers: { 15: framed(bytes(15, Buffer.concat([number(3, 32), bytes(2, Buffer.alloc(511))]))) } },
      { quoteSize: 0 },
      { quoteSize: 1 << 20 },
      { quoteSize: 100 },
      { quote: () => Buffer.alloc(0) },
      { quote: () => Buffer.alloc(1200) },
    ];
    for (const faults of wrong) assert.equal(await codeOf(faults), "ERR_AESM_PROTOCOL", JSON.stringify(faults));
  });

  it("silence and absence", async () => {
    assert.equal(await codeOf({ answers: { 21: null } }), "ERR_DEADLINE");
    const absent = createAesmQuoter({ reporter: enclave, socketPath: join(directory, "absent.sock") });
    await assert.rejects(absent.evidence(REPORT_DATA), (error) => isInclavareError(error, "ERR_AESM_UNREACHABLE"));
  });
});
