import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, it } from "node:test";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import { createCertificate, derInteger, derSequence } from "@inclavare/x509";
import {
  builtinTrustAnchors,
  DEFAULT_POLICY,
  encodeClaims,
  encodeEvidenceMessage,
  endorsementToPem,
  EVIDENCE_EXTENSION,
  exitCodeOf,
  hashPublicKey,
  reportDataFor,
  type Policy,
  trustAnchorsFromPem,
  VerificationCache,
  type Verdict,
  verifyEvidence,
  type VerifyEvidenceInput,
  verifySnpReport,
} from "../src/index.ts";
import { createSnpWorld, SNP_NOW, SNP_SERIALS, type SnpWorldOptions } from "./snp-world.ts";
import { readData } from "./vectors.ts";

const cache = new VerificationCache();

function verify(options: SnpWorldOptions, change: Partial<VerifyEvidenceInput> = {}): Verdict {
  const { report: bytes, endorsements, trustAnchors } = createSnpWorld(options);
  const input = { bytes, endorsements, trustAnchors, now: SNP_NOW, allow: [], evidenceOnly: true, cache };
  return verifyEvidence({ ...input, ...change });
}

function failures(verdict: Verdict): readonly (readonly [string, ErrorCode | undefined])[] {
  return verdict.checks.filter(({ result }) => result === "failed").map(({ check, code }) => [check, code]);
}

function resultOf({ checks }: Verdict, name: string): string | undefined {
  return checks.find(({ check }) => check === name)?.result;
}

interface Case {
  readonly id: string;
  readonly chain: string;
  readonly time: string;
}

const RECORDED: readonly Case[] = [
  { id: "milan-v2-a", chain: "chain-milan", time: "2024-06-01T00:00:00Z" },
  { id: "milan-v2-b", chain: "chain-milan", time: "2024-06-01T00:00:00Z" },
  { id: "genoa-v3-a", chain: "chain-genoa", time: "2025-12-01T00:00:00Z" },
  { id: "syn-milan-v3", chain: "syn-milan-test-chain", time: "2025-06-15T00:00:00Z" },
  { id: "syn-genoa-v3", chain: "syn-genoa-test-chain", time: "2025-06-15T00:00:00Z" },
  { id: "syn-turin-v3", chain: "syn-turin-test-chain", time: "2025-06-15T00:00:00Z" },
  { id: "syn-turin-v5", chain: "syn-turin-test-chain", time: "2025-06-15T00:00:00Z" },
];

function recorded({ id, chain, time }: Case): VerifyEvidenceInput {
  const pem = Buffer.from(readData(`snp/${chain}.pem`)).toString();
  return {
    bytes: readData(`snp/${id}.report.bin`),
    endorsements: [endorsementToPem(readData(`snp/${id}.vek.der`), id), pem],
    trustAnchors: id.startsWith("syn") ? trustAnchorsFromPem(pem) : builtinTrustAnchors(),
    now: new Date(time),
    allow: [],
    evidenceOnly: true,
  };
}

describe("recorded SEV-SNP reports", () => {
  for (const vector of RECORDED) {
    it(`verifies ${vector.id}`, () => {
      const input = recorded(vector);
      const verdict = verifyEvidence(input);
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [6, []]);
      assert.equal(verdict.tee, vector.id.startsWith("syn") ? "simulated" : "sev-snp");
      assert.equal(verdict.measurement?.tee, "sev-snp");
      assert.equal(verdict.measurement.debug, vector.id === "milan-v2-a");
      const { endorsements = [], ...rest } = input;
      const verified = verifySnpReport({ ...rest, report: input.bytes, endorsements: endorsements.join("\n") });
      assert.equal(verified.reportData.length, 64);
    });

    it(`refuses ${vector.id} under other roots, and before its certificates were valid`, () => {
      const input = recorded(vector);
      const others = vector.id.startsWith("syn") ? builtinTrustAnchors() : [];
      assert.deepEqual(failures(verifyEvidence({ ...input, trustAnchors: others }))[0], [
        "trust-anchor",
        "ERR_TRUST_ANCHOR",
      ]);
      const early = verifyEvidence({ ...input, now: new Date("2019-01-01T00:00:00Z") });
      assert.deepEqual(failures(early), [["vek-time", "ERR_SNP_TIME"]]);
    });
  }

  it("refuses milan-tampered", () => {
    const verdict = verifyEvidence(
      recorded({ id: "milan-tampered", chain: "chain-milan", time: "2024-06-01T00:00:00Z" }),
    );
    assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [3, [["report-signature", "ERR_SNP_SIGNATURE"]]]);
  });

  it("reads a real Turin VCEK, and finds that it is not the key of a Milan report", () => {
    const [vector] = RECORDED;
    assert.ok(vector);
    const turin = [
      endorsementToPem(readData("snp/turin-vcek.der"), "vcek"),
      Buffer.from(readData("snp/chain-turin.pem")).toString(),
    ];
    const verdict = verifyEvidence({ ...recorded(vector), endorsements: turin });
    assert.equal(resultOf(verdict, "vek-chain"), "ok");
    assert.deepEqual(
      failures(verdict).map(([, code]) => code),
      ["ERR_SNP_TIME", "ERR_SNP_SIGNATURE", "ERR_SNP_TCB", "ERR_SNP_CHIP_ID"].slice(
        resultOf(verdict, "vek-time") === "ok" ? 1 : 0,
      ),
    );
  });
});

const TURIN_TCB = [1, 3, 2, 5, 0, 0, 0, 117];

const RIGHT: readonly (readonly [string, SnpWorldOptions])[] = [
  ["a VCEK of Milan", {}],
  ["a VCEK of Genoa", { product: "Genoa" }],
  ["a VCEK of Turin", { product: "Turin", keyTcb: TURIN_TCB }],
  ["a HWID in an OCTET STRING", { wrapHwid: true }],
  ["a Turin HWID in an OCTET STRING", { product: "Turin", keyTcb: TURIN_TCB, wrapHwid: true }],
  ["a VLEK", { kind: "VLEK" }],
  ["a VLEK of Turin", { kind: "VLEK", product: "Turin", keyTcb: TURIN_TCB }],
  ["reserved SPLs that are set in key and report", { keyTcb: [4, 0, 1, 2, 3, 4, 24, 219] }],
  ["version 2", { report: (report) => void (report.writeUInt32LE(2, 0), report.fill(0, 0x188, 0x18b)) }],
  ["version 4", { report: (report) => void report.writeUInt32LE(4, 0) }],
  ["version 5", { report: (report) => void (report.writeUInt32LE(5, 0), report.fill(7, 0x1f8, 0x208)) }],
  ["a CRL that lists others", { revokes: [9n] }],
];

const WRONG: readonly (readonly [string, SnpWorldOptions, string, ErrorCode])[] = [
  ["version 1", { report: (report) => void report.writeUInt32LE(1, 0) }, "evidence-format", "ERR_EVIDENCE_FORMAT"],
  ["version 6", { report: (report) => void report.writeUInt32LE(6, 0) }, "report-format", "ERR_EVIDENCE_UNSUPPORTED"],
  [
    "policy bit 17 clear",
    { report: (report) => void report.writeUInt8(0x01, 10) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "policy bit 26 set",
    { report: (report) => void report.writeUInt8(0x04, 11) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "a reserved word set",
    { report: (report) => void report.writeUInt8(1, 0x4c) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "mitigations in version 3",
    { report: (report) => void report.writeUInt8(1, 0x1f8) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "CPUID in version 2",
    { report: (report) => void report.writeUInt32LE(2, 0) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "key info with a reserved bit",
    { report: (report) => void report.writeUInt8(0x20, 0x48) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "signing key 2",
    { report: (report) => void report.writeUInt8(2 << 2, 0x48) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "bytes behind the signature",
    { tamper: (report) => void report.writeUInt8(1, 1183) },
    "report-format",
    "ERR_EVIDENCE_FORMAT",
  ],
  [
    "a padded R",
    { tamper: (report) => void report.writeUInt8(1, 0x2a0 + 48) },
    "report-signature",
    "ERR_SNP_SIGNATURE",
  ],
  [
    "a padded S",
    { tamper: (report) => void report.writeUInt8(1, 0x2a0 + 143) },
    "report-signature",
    "ERR_SNP_SIGNATURE",
  ],
  ["R and S of zeros", { tamper: (report) => void report.fill(0, 0x2a0) }, "report-signature", "ERR_SNP_SIGNATURE"],
  [
    "no signing key",
    { report: (report) => void report.writeUInt8(7 << 2, 0x48) },
    "signing-key",
    "ERR_SNP_SIGNING_KEY",
  ],
  [
    "a VLEK's report with a VCEK",
    { report: (report) => void report.writeUInt8(1 << 2, 0x48) },
    "signing-key",
    "ERR_SNP_SIGNING_KEY",
  ],
  ["another REPORTED_TCB", { report: (report) => void report.writeUInt8(3, 0x180) }, "tcb-binding", "ERR_SNP_TCB"],
  [
    "a reserved byte in REPORTED_TCB",
    { report: (report) => void report.writeUInt8(1, 0x183) },
    "tcb-binding",
    "ERR_SNP_TCB",
  ],
  ["another chip", { report: (report) => void report.writeUInt8(1, 0x1a0) }, "chip-id", "ERR_SNP_CHIP_ID"],
  [
    "a chip of zeros without its mask",
    { report: (report) => void report.fill(0, 0x1a0, 0x1e0) },
    "chip-id",
    "ERR_SNP_CHIP_ID",
  ],
  [
    "a Turin chip with more than eight bytes",
    { product: "Turin", keyTcb: TURIN_TCB, report: (report) => void report.writeUInt8(1, 0x1a8) },
    "chip-id",
    "ERR_SNP_CHIP_ID",
  ],
  [
    "another product in the report",
    { report: (report) => void report.writeUInt8(0x11, 0x189) },
    "product",
    "ERR_SNP_PRODUCT",
  ],
  ["an unknown processor", { report: (report) => void report.writeUInt8(0x1b, 0x188) }, "product", "ERR_SNP_PRODUCT"],
  ["an unknown product name", { productName: "Venice" }, "vek-chain", "ERR_SNP_PRODUCT"],
  ["a product name of another chain", { productName: "Genoa-B1" }, "vek-chain", "ERR_SNP_CHAIN"],
  ["an ARK of another product", { names: { ark: "ARK-Genoa" } }, "vek-chain", "ERR_SNP_CHAIN"],
  ["a VCEK by the ASVK", { names: { issuer: "SEV-VLEK-Milan" } }, "vek-chain", "ERR_SNP_CHAIN"],
  ["a VLEK by the ASK", { kind: "VLEK", names: { issuer: "SEV-Milan" } }, "vek-chain", "ERR_SNP_CHAIN"],
  ["an ASK that is no CA", { issuerIsCa: false }, "vek-chain", "ERR_SNP_CHAIN"],
  [
    "an ASK that is no CA, though its key may sign",
    { issuerIsCa: false, issuerSigns: true },
    "vek-chain",
    "ERR_SNP_CHAIN",
  ],
  ["an ASK whose key may not sign certificates", { issuerSigns: false }, "vek-chain", "ERR_SNP_CHAIN"],
  ["an ASK with a small key", { issuerKeyIsSmall: true }, "vek-chain", "ERR_SNP_CHAIN"],
  ["a VCEK that is a CA", { vekIsCa: true }, "vek-chain", "ERR_SNP_CHAIN"],
  ["a VCEK that the ASK has not signed", { vekIsForged: true }, "vek-chain", "ERR_SNP_CHAIN"],
  ["a VCEK on P-256", { vekCurve: "P-256" }, "vek-chain", "ERR_SNP_CHAIN"],
  ["a VCEK signed with PKCS#1", { vekPkcs1: true }, "vek-chain", "ERR_SNP_CHAIN"],
  [
    "a VCEK without HWID",
    { vekExtensions: (all) => all.filter(({ oid }) => !oid.endsWith(".1.4")) },
    "vek-chain",
    "ERR_SNP_CHAIN",
  ],
  ["a HWID of another size", { hwid: Buffer.alloc(32) }, "vek-chain", "ERR_SNP_CHAIN"],
  [
    "a Turin key without FMC",
    { product: "Turin", keyTcb: TURIN_TCB, vekExtensions: (all) => all.filter(({ oid }) => !oid.endsWith(".3.9")) },
    "vek-chain",
    "ERR_SNP_CHAIN",
  ],
  [
    "an SPL above 255",
    { vekExtensions: (all) => all.map((one) => (one.oid.endsWith(".3.1") ? { ...one, value: derInteger(256) } : one)) },
    "vek-chain",
    "ERR_SNP_CHAIN",
  ],
  [
    "an unknown critical extension",
    { vekExtensions: (all) => [...all, { oid: "1.2.3.4", critical: true, value: derSequence() }] },
    "vek-chain",
    "ERR_SNP_CHAIN",
  ],
  ["a VCEK past its date", { vekUntil: new Date("2025-01-01T00:00:00Z") }, "vek-time", "ERR_SNP_TIME"],
  ["a revoked VCEK", { revokes: [SNP_SERIALS.vek] }, "vek-crl", "ERR_CERTIFICATE_REVOKED"],
  ["a revoked ASK", { revokes: [SNP_SERIALS.issuer] }, "vek-crl", "ERR_CERTIFICATE_REVOKED"],
  ["a CRL of another issuer", { revokes: [], crlIssuer: "ARK-Genoa" }, "vek-crl", "ERR_CRL"],
  [
    "a CRL past its date",
    { revokes: [], crlNext: new Date("2025-06-10T00:00:00Z") },
    "collateral-current",
    "ERR_COLLATERAL_EXPIRED",
  ],
];

describe("examineSnpReport", () => {
  for (const [what, options] of RIGHT) {
    it(`verifies ${what}`, () => {
      const verdict = verify(options);
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [6, []]);
    });
  }

  for (const [what, options, check, code] of WRONG) {
    it(`refuses ${what}`, () => {
      const verdict = verify(options);
      assert.deepEqual(failures(verdict)[0], [check, code]);
      assert.equal(exitCodeOf(verdict), code === "ERR_COLLATERAL_EXPIRED" ? 4 : 3);
    });
  }

  it("misses endorsements, and each of their parts", () => {
    const { endorsements } = createSnpWorld();
    const [vek = "", chain = ""] = endorsements;
    for (const given of [[], [chain], [vek]]) {
      const verdict = verify({}, { endorsements: given });
      assert.deepEqual(failures(verdict), [["vek-chain", "ERR_COLLATERAL_MISSING"]]);
      assert.equal(exitCodeOf(verdict), 4);
    }
  });

  it("needs no root among the endorsements that the verifier trusts already", () => {
    const { endorsements } = createSnpWorld();
    const [vek = "", chain = ""] = endorsements;
    const issuer = chain.slice(0, chain.indexOf("-----END CERTIFICATE-----") + 26);
    assert.equal(exitCodeOf(verify({}, { endorsements: [vek, issuer] })), 6);
  });

  it("passes over a key that cannot be read where there is another", () => {
    const future = createSnpWorld({ productName: "Venice" });
    const { endorsements } = createSnpWorld();
    assert.equal(exitCodeOf(verify({}, { endorsements: [...future.endorsements.slice(0, 1), ...endorsements] })), 6);
  });

  it("takes the right key of several, in any order", () => {
    const other = createSnpWorld({ keyTcb: [3, 0, 0, 0, 0, 0, 24, 219], hwid: Buffer.alloc(64, 1) });
    const { endorsements } = createSnpWorld();
    assert.equal(exitCodeOf(verify({}, { endorsements: [...other.endorsements, ...endorsements] })), 6);
    assert.equal(exitCodeOf(verify({}, { endorsements: [...endorsements, ...other.endorsements].toReversed() })), 6);
  });

  it("reads a guest's certificate table in both byte orders of its GUIDs", () => {
    const { endorsements, report: bytes, trustAnchors } = createSnpWorld();
    const blocks = endorsements.join("").match(/-----BEGIN CERTIFICATE-----[^-]*-----END/gu) ?? [];
    const ders = blocks.map((block) => Buffer.from(block.split("-----")[2] ?? "", "base64"));
    const guids = {
      plain: [
        "63da758de6644564adc5f4b93be8accd",
        "4ab7b379bbac4fe4a02f05aef327c782",
        "c0b406a4a803495297433fb6014cd0ae",
      ],
      mixed: [
        "8d75da6364e66445adc5f4b93be8accd",
        "79b3b74aacbbe44fa02f05aef327c782",
        "a406b4c003a8524997433fb6014cd0ae",
      ],
    };
    for (const order of [guids.plain, guids.mixed]) {
      const table = Buffer.alloc(24 * (ders.length + 1));
      let offset = table.length;
      for (const [index, der] of ders.entries()) {
        Buffer.from(order[index] ?? "", "hex").copy(table, 24 * index);
        table.writeUInt32LE(offset, 24 * index + 16);
        table.writeUInt32LE(der.length, 24 * index + 20);
        offset += der.length;
      }
      const pem = endorsementToPem(Buffer.concat([table, ...ders]), "auxblob");
      const input = { bytes, trustAnchors, now: SNP_NOW, allow: [], evidenceOnly: true };
      assert.equal(exitCodeOf(verifyEvidence({ ...input, endorsements: [pem] })), 6);
    }
    const endless = Buffer.alloc(48, 1);
    assert.throws(
      () => endorsementToPem(endless, "table"),
      (error) => isInclavareError(error, "ERR_COLLATERAL_FORMAT"),
    );
  });

  describe("with a claims buffer", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = publicKey.export({ type: "spki", format: "der" });
    const claims = encodeClaims({ pubkeyHash: hashPublicKey(spki), nonce: Buffer.from("12345678") });
    const world = createSnpWorld({ report: (report) => report.set(reportDataFor(claims), 0x50) });
    const input = { trustAnchors: world.trustAnchors, now: SNP_NOW, allow: [], evidenceOnly: true };
    const [endorsements, quote] = [world.endorsements.join(""), world.report];

    it("is verified from an evidence message that brings its endorsements", () => {
      const bytes = encodeEvidenceMessage({ evidence: { format: "snp-report", quote, endorsements }, claims });
      const verdict = verifyEvidence({ ...input, bytes, nonce: Buffer.from("12345678") });
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [6, []]);
      const other = verifyEvidence({ ...input, bytes, nonce: Buffer.from("87654321") });
      assert.deepEqual(failures(other), [["nonce", "ERR_POLICY_NONCE"]]);
    });

    it("is verified from a certificate over the key that it names, and no other", () => {
      const tagged = encodeEvidenceMessage({ evidence: { format: "snp-report", quote }, claims });
      const certificate = (key: KeyObject): Uint8Array =>
        createCertificate({
          subject: { CN: "workload" },
          serial: 1n,
          notBefore: new Date("2025-06-01T00:00:00Z"),
          notAfter: new Date("2025-07-01T00:00:00Z"),
          publicKey: createPublicKey(key),
          signingKey: key,
          extensions: [{ oid: EVIDENCE_EXTENSION, critical: false, value: tagged }],
        });
      const verdict = verifyEvidence({ ...input, bytes: certificate(privateKey), endorsements: [endorsements] });
      assert.deepEqual([exitCodeOf(verdict), resultOf(verdict, "key-binding")], [6, "ok"]);
      const stolen = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
      const refused = verifyEvidence({ ...input, bytes: certificate(stolen), endorsements: [endorsements] });
      assert.deepEqual(failures(refused), [["key-binding", "ERR_EVIDENCE_UNBOUND"]]);
    });
  });

  describe("under a policy", () => {
    const words = ["simulated", "no-nonce"] as const;
    const reference = { measurement: "aa".repeat(48), hostData: "bb".repeat(32), source: "the test" };
    const judge = (options: SnpWorldOptions, policy: Partial<Policy> = {}, allow: Policy["allow"] = []): Verdict => {
      const complete = { ...DEFAULT_POLICY, referenceValues: [reference], ...policy };
      const world = { revokes: [], ...options };
      return verify(world, { policy: complete, allow: [...words, ...allow], evidenceOnly: false });
    };

    it("accepts what matches its reference", () => {
      const verdict = judge({});
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [0, []]);
    });

    for (const [what, options, code, word] of [
      ["debug", { report: (report: Buffer) => void report.writeUInt8(0x0b, 10) }, "ERR_POLICY_DEBUG", "debug"],
      [
        "a migration agent",
        { report: (report: Buffer) => void report.writeUInt8(0x07, 10) },
        "ERR_POLICY_MIGRATION",
        "migration",
      ],
      [
        "a masked chip",
        { report: (report: Buffer) => void (report.fill(0, 0x1a0, 0x1e0), report.writeUInt8(2, 0x48)) },
        "ERR_POLICY_MASKED_CHIP_ID",
        "masked-chip-id",
      ],
    ] as const) {
      it(`refuses ${what} unless its word allows it`, () => {
        const refused = judge(options);
        assert.deepEqual([exitCodeOf(refused), failures(refused).map(([, found]) => found)], [5, [code]]);
        assert.equal(exitCodeOf(judge(options, {}, [word])), 0);
      });
    }

    it("refuses a report without revocation list unless its word allows it", () => {
      const { report: bytes, endorsements, trustAnchors } = createSnpWorld();
      const policy = { ...DEFAULT_POLICY, referenceValues: [reference] };
      const input = { bytes, endorsements, trustAnchors, now: SNP_NOW, policy, evidenceOnly: false };
      assert.deepEqual(failures(verifyEvidence({ ...input, allow: words })), [
        ["revocation", "ERR_POLICY_NO_REVOCATION"],
      ]);
      assert.equal(exitCodeOf(verifyEvidence({ ...input, allow: [...words, "no-revocation"] })), 0);
    });

    it("refuses another privilege level than the accepted ones, and the host's own reports", () => {
      for (const vmpl of [1, 0xffffffff]) {
        const options = { report: (report: Buffer) => void report.writeUInt32LE(vmpl, 0x30) };
        assert.deepEqual(failures(judge(options)), [["vmpl", "ERR_POLICY_VMPL"]]);
        assert.equal(exitCodeOf(judge(options, { acceptedVmpls: [vmpl] })), 0);
      }
    });

    it("compares each part of the minimum TCB by itself", () => {
      assert.equal(exitCodeOf(judge({}, { minSnpTcb: { Milan: { bootLoader: 4, snp: 24, microcode: 219 } } })), 0);
      for (const least of [{ bootLoader: 5 }, { snp: 25 }, { microcode: 220 }, { tee: 1 }, { fmc: 0 }]) {
        const verdict = judge({}, { minSnpTcb: { Milan: { bootLoader: 0, ...least } } });
        assert.deepEqual(failures(verdict), [["minimum-tcb", "ERR_POLICY_MIN_TCB"]], JSON.stringify(least));
      }
      assert.deepEqual(failures(judge({}, { minSnpTcb: { Genoa: {} } })), [["minimum-tcb", "ERR_POLICY_MIN_TCB"]]);
    });

    it("compares each member that the reference names", () => {
      for (const [member, size, check] of [
        ["measurement", 48, "measurement"],
        ["hostData", 32, "host-data"],
        ["idKeyDigest", 48, "signer"],
        ["authorKeyDigest", 48, "author"],
        ["familyId", 16, "family"],
        ["imageId", 16, "image"],
        ["chipId", 64, "platform"],
      ] as const) {
        const verdict = judge({}, { referenceValues: [{ ...reference, [member]: "ee".repeat(size) }] });
        assert.deepEqual(
          failures(verdict).map(([name]) => name),
          [check],
        );
      }
      const above = judge({}, { referenceValues: [{ ...reference, minGuestSvn: 1 }] });
      assert.deepEqual(failures(above), [["version", "ERR_POLICY_VERSION"]]);
    });

    it("compares the nonce with REPORT_DATA", () => {
      const policy = { ...DEFAULT_POLICY, referenceValues: [reference] };
      const change = { policy, allow: ["simulated"], evidenceOnly: false } as const;
      assert.equal(exitCodeOf(verify({ revokes: [] }, { ...change, nonce: Buffer.alloc(64, 0xdd) })), 0);
      assert.equal(exitCodeOf(verify({ revokes: [] }, { ...change, nonce: Buffer.alloc(32, 0xdd) })), 5);
    });
  });
});
