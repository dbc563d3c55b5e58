/** configfs-tsm: evidence of each TEE, the rule of generations, and every failure; nothing is ever left behind. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import { fromPem } from "@inclavare/x509";
import { openTsmQuoter, type TsmOptions } from "../src/attesters/index.ts";
import { kernelFiles } from "../src/attesters/tsm/files.ts";
import { decodeEvidenceMessage, encodeEvidenceMessage, trustAnchorsFromPem, verifyEvidence } from "../src/index.ts";
import { createSnpWorld, SNP_NOW } from "./snp-world.ts";
import { ccaToken, ecKey, publicPem } from "./token-world.ts";
import { TsmTree, type TsmTreeOptions } from "./tsm-double.ts";
import { createWorld, NOW } from "./world.ts";

const REPORT_DATA = Buffer.alloc(64, 0xda);

const tdx: TsmTreeOptions = { provider: "tdx_guest", make: (reportData) => createWorld({ td: { reportData } }).quote };
const snpReport = (reportData: Uint8Array, level = 0): Uint8Array =>
  createSnpWorld({
    report: (report) => {
      Buffer.from(reportData).copy(report, 0x50);
      report.writeUInt32LE(level, 0x30);
    },
  }).report;
const snp: TsmTreeOptions = { provider: "sev_guest", make: snpReport, hasPrivilegeLevel: true };
const platformKey = ecKey();
const cca: TsmTreeOptions = {
  provider: "arm_cca_guest",
  make: (reportData) => ccaToken({ platformKey, realm: { 10: reportData } }).token,
};

async function codeOf(options: TsmTreeOptions, more: TsmOptions = {}): Promise<ErrorCode | "none"> {
  const files = new TsmTree(options);
  try {
    const quoter = await openTsmQuoter({ files, timeoutMs: 2_000, ...more });
    await quoter.evidence(REPORT_DATA);
    return "none";
  } catch (error) {
    if (isInclavareError(error)) return error.code;
    throw error;
  } finally {
    assert.equal(files.entries.size, 0, "nothing is left behind");
  }
}

/** A certificate table as the kernel gives it in auxblob. */
function certificateTable(vcek: Uint8Array): Uint8Array {
  const header = Buffer.alloc(48);
  Buffer.from("63da758de6644564adc5f4b93be8accd", "hex").copy(header);
  header.writeUInt32LE(48, 16);
  header.writeUInt32LE(vcek.length, 20);
  return Buffer.concat([header, vcek]);
}

describe("evidence through configfs-tsm", () => {
  it("TDX", async () => {
    const files = new TsmTree(tdx);
    const quoter = await openTsmQuoter({ files });
    assert.equal(quoter.tee, "tdx");
    const evidence = await quoter.evidence(REPORT_DATA);
    const { collateral, trustAnchors } = createWorld({ td: {} });
    const bytes = encodeEvidenceMessage({ evidence: { ...evidence, collateral } });
    const input = { trustAnchors, now: NOW, nonce: REPORT_DATA, allow: [], evidenceOnly: true };
    assert.equal(verifyEvidence({ bytes, ...input }).verdict, "verified");
    assert.deepEqual([files.entries.size, files.made], [0, 2]);
  });

  it("SEV-SNP, with the host's certificates and a privilege level", async () => {
    const { endorsements, trustAnchors } = createSnpWorld();
    const [vcek = new Uint8Array(0)] = fromPem(endorsements[0] ?? "", "CERTIFICATE", "VCEK");
    const files = new TsmTree({ ...snp, auxblob: certificateTable(vcek) });
    const quoter = await openTsmQuoter({ files, privilegeLevel: 2 });
    assert.equal(quoter.tee, "sev-snp");
    const evidence = await quoter.evidence(REPORT_DATA);
    assert.equal(Buffer.from(evidence.quote).readUInt32LE(0x30), 2);
    assert.match(evidence.endorsements ?? "", /BEGIN CERTIFICATE/u);
    const bytes = encodeEvidenceMessage({ evidence });
    const input = { endorsements: endorsements.slice(1), trustAnchors, now: SNP_NOW, nonce: REPORT_DATA };
    assert.equal(verifyEvidence({ bytes, ...input, allow: [], evidenceOnly: true }).verdict, "verified");
  });

  it("CCA, which has a form in evidence messages too", async () => {
    const quoter = await openTsmQuoter({ files: new TsmTree(cca) });
    assert.equal(quoter.tee, "cca");
    const evidence = await quoter.evidence(REPORT_DATA);
    const bytes = encodeEvidenceMessage({ evidence, claims: Buffer.of(0xa0) });
    assert.equal(decodeEvidenceMessage(bytes).evidence.format, "cca-token");
    const bare = encodeEvidenceMessage({ evidence });
    const trustAnchors = trustAnchorsFromPem(publicPem(platformKey));
    const input = { trustAnchors, now: NOW, nonce: REPORT_DATA, allow: [], evidenceOnly: true };
    assert.equal(verifyEvidence({ bytes: bare, ...input }).verdict, "verified");
  });

  it("many at once, one after the other", async () => {
    let running = 0;
    const files = new TsmTree({
      ...cca,
      delay: async () => {
        running += 1;
        assert.equal(running, 1);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running -= 1;
      },
    });
    const quoter = await openTsmQuoter({ files });
    const all = await Promise.allSettled(Array.from({ length: 70 }, async () => await quoter.evidence(REPORT_DATA)));
    const refused = all.filter(({ status }) => status === "rejected");
    assert.equal(refused.length, 70 - 64);
    assert.equal(files.entries.size, 0);
  });
});

describe("what goes wrong", () => {
  it("another writer: the blob is thrown away and asked for again, three times at most", async () => {
    assert.equal(await codeOf({ ...cca, interferences: 2 }), "none");
    assert.equal(await codeOf({ ...cca, interferences: 3 }), "ERR_TSM");
    let busy = 2;
    const fail = (operation: string) => (operation === "outblob" && (busy -= 1) >= 0 ? "EBUSY" : undefined);
    assert.equal(await codeOf({ ...cca, fail }), "none");
    assert.equal(
      await codeOf({ ...cca, fail: (operation) => (operation === "outblob" ? "EBUSY" : undefined) }),
      "ERR_TSM",
    );
  });

  it("an empty report is none", async () => {
    assert.equal(await codeOf({ ...tdx, make: () => new Uint8Array(0) }), "ERR_TSM");
  });

  it("evidence over other report data", async () => {
    for (const options of [tdx, snp, cca]) {
      const make = (): Uint8Array => options.make(Buffer.alloc(64, 1), undefined);
      assert.equal(await codeOf({ ...options, make }), "ERR_EVIDENCE_UNBOUND");
    }
    const quoter = await openTsmQuoter({ files: new TsmTree(cca) });
    await assert.rejects(quoter.evidence(Buffer.alloc(63)), (error) => isInclavareError(error, "ERR_EVIDENCE_UNBOUND"));
  });

  it("evidence of another form: a token where a quote was expected, an SGX quote, garbage", async () => {
    for (const make of [cca.make, () => createWorld().quote, () => Buffer.alloc(1300, 1)]) {
      assert.equal(await codeOf({ ...tdx, make }), "ERR_EVIDENCE_UNSUPPORTED");
    }
    for (const options of [snp, cca]) {
      assert.equal(await codeOf({ ...options, make: () => Buffer.alloc(100) }), "ERR_EVIDENCE_UNSUPPORTED");
    }
    assert.equal(await codeOf({ ...tdx, provider: "other_guest" }), "ERR_EVIDENCE_UNSUPPORTED");
    assert.equal(await codeOf({ ...cca, make: () => Buffer.alloc((1 << 20) + 1) }), "ERR_TSM");
  });

  it("no driver, no right, and each file that fails", async () => {
    const failing = (name: string, code: string): TsmTreeOptions => {
      return { ...cca, fail: (operation) => (operation === name ? code : undefined) };
    };
    assert.equal(await codeOf(failing("mkdir", "ENXIO")), "ERR_TSM_UNAVAILABLE");
    assert.equal(await codeOf(failing("mkdir", "EACCES")), "ERR_PRIVILEGE");
    assert.equal(await codeOf(failing("mkdir", "EEXIST")), "ERR_TSM");
    assert.equal(await codeOf(cca, { directory: "/nowhere" }), "ERR_TSM_UNAVAILABLE");
    for (const name of ["inblob", "outblob", "auxblob", "provider", "generation"]) {
      assert.equal(await codeOf(failing(name, "EIO")), "ERR_TSM", name);
    }
    assert.equal(await codeOf(snp, { privilegeLevel: 4 }), "ERR_TSM");
    assert.equal(await codeOf(cca, { privilegeLevel: 0 }), "ERR_TSM");
  });

  it("an entry that cannot be removed is said to be there", async () => {
    const files = new TsmTree({ ...cca, fail: (operation) => (operation === "rmdir" ? "EBUSY" : undefined) });
    await assert.rejects(openTsmQuoter({ files }), (error) => isInclavareError(error, "ERR_TSM"));
  });

  it("a host that takes too long: the caller is told in time, the entry goes when the kernel lets go", async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let isSlow = false;
    const files = new TsmTree({ ...cca, delay: async () => (isSlow ? await promise : undefined) });
    const quoter = await openTsmQuoter({ files, timeoutMs: 50 });
    isSlow = true;
    const late = Array.from({ length: 2 }, async () => await quoter.evidence(REPORT_DATA));
    for (const { status, ...rest } of await Promise.allSettled(late)) {
      assert.equal(status, "rejected");
      assert.ok("reason" in rest && isInclavareError(rest.reason, "ERR_DEADLINE"));
    }
    assert.equal(files.entries.size, 1);
    isSlow = false;
    resolve(undefined);
    assert.equal((await quoter.evidence(REPORT_DATA)).format, "cca-token");
    assert.equal(files.entries.size, 0);
  });

  it("what a killed process left behind is removed, and nothing else", async () => {
    const files = new TsmTree(cca);
    const dead = "inclavare-4194304-0123456789abcdef";
    const [alive, foreign] = [`inclavare-${process.ppid}-0123456789abcdef`, "somebody-elses"];
    for (const name of [dead, alive, foreign]) files.entries.set(name, { generation: 0 });
    await openTsmQuoter({ files });
    assert.deepEqual([...files.entries.keys()], [alive, foreign]);
  });
});

describe("the kernel's files", () => {
  const directory = mkdtempSync(join(tmpdir(), "tsm-files-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("are read to their end although they show no size", async () => {
    const bytes = await kernelFiles.read("/proc/self/limits", 1 << 20);
    assert.match(Buffer.from(bytes).toString(), /Max open files/u);
    const large = join(directory, "large");
    writeFileSync(large, Buffer.alloc(200_000, 7));
    assert.equal((await kernelFiles.read(large, 200_000)).length, 200_000);
    await assert.rejects(kernelFiles.read(large, 199_999), { code: "EFBIG" });
  });

  it("are written as a whole, made and removed", async () => {
    const entry = join(directory, "entry");
    await kernelFiles.mkdir(entry);
    await assert.rejects(kernelFiles.mkdir(entry), { code: "EEXIST" });
    const attribute = join(directory, "attribute");
    writeFileSync(attribute, "");
    chmodSync(attribute, 0o200);
    await kernelFiles.write(attribute, REPORT_DATA);
    chmodSync(attribute, 0o600);
    assert.deepEqual(readFileSync(attribute), REPORT_DATA);
    // What the kernel does not offer is not made.
    await assert.rejects(kernelFiles.write(join(entry, "inblob"), REPORT_DATA), { code: "ENOENT" });
    await kernelFiles.rmdir(entry);
    await assert.rejects(kernelFiles.rmdir(entry), { code: "ENOENT" });
    mkdirSync(entry);
    assert.deepEqual(await kernelFiles.list(directory), ["attribute", "entry", "large"]);
  });

  it("of a machine that has none", async () => {
    await assert.rejects(openTsmQuoter({ directory: join(directory, "absent") }), (error) => {
      return isInclavareError(error, "ERR_TSM_UNAVAILABLE");
    });
  });
});
