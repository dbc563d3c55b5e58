/** `shelter verify` as people call it: the program, on recorded evidence, and its exit codes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { encodeClaims, encodeEvidenceMessage, hashPublicKey } from "@inclavare/attestation";

import { codesOf, data, directory, file, type Result, shelter, verdictOf } from "./program.ts";

const JUNE = "2025-06-15T00:00:00Z";
const QUOTE = data("syn-sgx-ok.quote.bin");
const COLLATERAL = ["--collateral", data("syn-sgx-ok.collateral.json")];
const TRUST = ["--trust", data("syn-processor.root.pem")];
const TIME = ["--time", JUNE];
/** Recorded evidence whose root is not a vendor's, without reference and nonce: what it takes to accept it. */
const ALLOW = ["--allow", "simulated", "--allow", "no-reference", "--allow", "no-nonce"];
const GOOD = [QUOTE, ...COLLATERAL, ...TRUST, ...TIME];

async function verify(...args: readonly string[]): Promise<Result> {
  return await shelter("verify", ...args);
}

describe("exit codes", { concurrency: 2 }, () => {
  it("0: accepted, with the words that it took", async () => {
    const { exit, verdict } = await verdictOf(...GOOD, ...ALLOW);
    assert.equal(exit, 0);
    assert.equal(verdict.verdict, "accepted");
    const allowed = codesOf(verdict, "allowed");
    assert.deepEqual(allowed, ["ERR_POLICY_SIMULATED", "ERR_POLICY_NO_REFERENCE", "ERR_POLICY_NO_NONCE"]);
  });

  it("1: evidence that is not there", async () => {
    const { exit, stderr } = await verify(join(directory, "absent"));
    assert.equal(exit, 1);
    assert.match(stderr, /ERR_FILE_NOT_FOUND/u);
  });

  it("2: wrong usage", async () => {
    for (const args of [
      [],
      [QUOTE, "more"],
      [QUOTE, "--unknown"],
      [QUOTE, "--allow", "all"],
      [QUOTE, "--time", "soon"],
    ]) {
      const { exit, stderr } = await verify(...args);
      assert.equal(exit, 2, args.join(" "));
      assert.match(stderr, /ERR_USAGE/u);
    }
  });

  it("3: a root that is not trusted, with collateral and without", async () => {
    for (const collateral of [COLLATERAL, []]) {
      const { exit, verdict } = await verdictOf(QUOTE, ...collateral, ...TIME, "--evidence-only");
      assert.equal(exit, 3);
      assert.ok(codesOf(verdict).includes("ERR_TRUST_ANCHOR"));
    }
  });

  it("3: a revoked PCK certificate", async () => {
    const { exit, verdict } = await verdictOf(
      data("syn-pck-revoked.quote.bin"),
      "--collateral",
      data("syn-pck-revoked.collateral.json"),
      ...TRUST,
      ...TIME,
      "--evidence-only",
    );
    assert.equal(exit, 3);
    assert.equal(verdict.verdict, "refused");
    assert.deepEqual(codesOf(verdict), ["ERR_CERTIFICATE_REVOKED"]);
  });

  it("3: bytes of no known form", async () => {
    const nothing = await verdictOf(file("nothing", "nothing"));
    assert.deepEqual([nothing.exit, nothing.verdict.tee], [3, "unknown"]);
  });

  it("4: collateral missing", async () => {
    const { exit, verdict } = await verdictOf(QUOTE, ...TRUST, ...TIME);
    assert.deepEqual([exit, codesOf(verdict)], [4, ["ERR_COLLATERAL_MISSING"]]);
  });

  it("4: collateral expired", async () => {
    const { exit, verdict } = await verdictOf(QUOTE, ...COLLATERAL, ...TRUST, "--time", "2025-07-02T00:00:00Z");
    assert.equal(exit, 4);
    assert.ok(codesOf(verdict).includes("ERR_COLLATERAL_EXPIRED"));
  });

  it("4: collateral that is no bundle", async () => {
    for (const content of ["{", "{}", "[]"]) {
      const { exit, stderr } = await verify(QUOTE, "--collateral", file("collateral.json", content), ...TRUST, ...TIME);
      assert.equal(exit, 4);
      assert.match(stderr, /ERR_COLLATERAL_FORMAT/u);
    }
  });

  it("5: refused by the default policy", async () => {
    const { exit, verdict } = await verdictOf(...GOOD);
    assert.deepEqual([exit, verdict.verdict], [5, "refused"]);
    const expected = ["ERR_POLICY_SIMULATED", "ERR_POLICY_NO_REFERENCE", "ERR_POLICY_NO_NONCE"];
    assert.deepEqual(codesOf(verdict), expected);
  });

  it("6: verified, without a policy", async () => {
    const { exit, verdict } = await verdictOf(...GOOD, "--evidence-only");
    assert.deepEqual([exit, verdict.verdict], [6, "verified"]);
    assert.equal(verdict.tee, "simulated");
  });
});

describe("a bit flipped in the signed range", { concurrency: 2 }, () => {
  // Version, key type, TEE type, vendor id, user data, CPUSVN, ATTRIBUTES, MRENCLAVE, MRSIGNER, ISVSVN, REPORTDATA's ends.
  for (const offset of [0, 2, 4, 12, 28, 48, 96, 112, 176, 306, 368, 431]) {
    it(`is refused with 3 at byte ${offset}, with collateral and without`, async () => {
      const bytes = readFileSync(QUOTE);
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8));
      const path = file(`flipped-${offset}`, bytes);
      assert.equal((await verify(path, ...COLLATERAL, ...TRUST, ...TIME, "--evidence-only")).exit, 3);
      assert.equal((await verify(path, ...TRUST, ...TIME, ...ALLOW)).exit, 3);
    });
  }
});

describe("flags", { concurrency: 2 }, () => {
  it("--collateral replaces what an evidence message brings", async () => {
    const stale = JSON.parse(readFileSync(data("sgx-01.collateral.json"), "utf8"));
    const evidence = { format: "sgx-quote", quote: readFileSync(QUOTE), collateral: stale } as const;
    const message = file("message", encodeEvidenceMessage({ evidence }));
    assert.equal((await verify(message, ...TRUST, ...TIME, "--evidence-only")).exit, 3);
    assert.equal((await verify(message, ...TRUST, ...TIME, "--evidence-only", ...COLLATERAL)).exit, 6);
  });

  it("--endorsement gives the PCK chain of a quote that has none", async () => {
    const { pck_certificate_chain: chain, ...rest } = JSON.parse(
      readFileSync(data("sgx-05-intel-sample.collateral.json"), "utf8"),
    );
    const args = [
      data("sgx-05-intel-sample.quote.bin"),
      "--collateral",
      file("without-chain.json", JSON.stringify(rest)),
      "--trust",
      data("sgx-05-intel-sample.root.pem"),
      "--time",
      "2025-01-01T00:00:00Z",
      "--evidence-only",
    ];
    assert.equal((await verify(...args)).exit, 4);
    assert.equal((await verify(...args, "--endorsement", file("chain.pem", chain))).exit, 6);
  });

  it("--trust replaces the built-in roots, also with several files", async () => {
    const genuine = [data("sgx-01.quote.bin"), "--collateral", data("sgx-01.collateral.json")];
    const args = [...genuine, "--time", "2025-07-04T00:00:00Z", "--evidence-only"];
    const builtin = await verdictOf(...args);
    assert.deepEqual([builtin.exit, builtin.verdict.tee], [6, "sgx"]);
    assert.equal((await verify(...args, ...TRUST)).exit, 3);
    const { collateral } = { collateral: JSON.parse(readFileSync(data("sgx-01.collateral.json"), "utf8")) };
    const intel = file("intel.pem", collateral.tcb_info_issuer_chain);
    const both = await verdictOf(...args, ...TRUST, "--trust", intel);
    assert.deepEqual([both.exit, both.verdict.tee], [6, "sgx"]);
  });

  it("--time decides, and must name its zone", async () => {
    assert.equal((await verify(QUOTE, ...COLLATERAL, ...TRUST, "--time", "2024-01-01", "--evidence-only")).exit, 4);
    assert.equal(
      (await verify(QUOTE, ...COLLATERAL, ...TRUST, "--time", "2025-06-15T02:00:00+02:00", "--evidence-only")).exit,
      6,
    );
    assert.equal((await verify(QUOTE, ...TRUST, "--time", "2025-06-15T02:00:00")).exit, 2);
  });

  it("--nonce is compared with the report data of a quote", async () => {
    const { verdict } = await verdictOf(...GOOD, ...ALLOW);
    const { REPORTDATA: reportData } = verdict.claims;
    assert.ok(typeof reportData === "string");
    const allow = ALLOW.slice(0, 4);
    assert.equal((await verify(...GOOD, ...allow, "--nonce", reportData)).exit, 0);
    const other = await verdictOf(...GOOD, ...ALLOW, "--nonce", "00112233");
    assert.deepEqual([other.exit, codesOf(other.verdict)], [5, ["ERR_POLICY_NONCE"]]);
    assert.equal((await verify(...GOOD, "--nonce", "xyz")).exit, 2);
  });

  it("--policy gives reference values", async () => {
    const { verdict } = await verdictOf(...GOOD, "--evidence-only");
    const { measurement } = verdict;
    assert.ok(measurement?.tee === "sgx");
    const { mrEnclave, mrSigner } = measurement;
    const policy = (mrEnclave: unknown): string =>
      JSON.stringify({
        referenceValues: [{ mrEnclave, mrSigner, source: "the test" }],
        allow: ["simulated", "no-nonce"],
      });
    assert.equal((await verify(...GOOD, "--policy", file("policy.json", policy(mrEnclave)))).exit, 0);
    const other = await verdictOf(...GOOD, "--policy", file("other.json", policy("00".repeat(32))));
    assert.deepEqual([other.exit, codesOf(other.verdict)], [5, ["ERR_POLICY_MEASUREMENT"]]);
    const broken = await verify(...GOOD, "--policy", file("broken.json", "[]"));
    assert.deepEqual([broken.exit, /ERR_POLICY_FORMAT/u.test(broken.stderr)], [1, true]);
  });

  it("--allow lets one thing pass at a time", async () => {
    const { exit, verdict } = await verdictOf(...GOOD, "--allow", "simulated");
    assert.equal(exit, 5);
    assert.deepEqual(codesOf(verdict), ["ERR_POLICY_NO_REFERENCE", "ERR_POLICY_NO_NONCE"]);
    const expired = [QUOTE, ...COLLATERAL, ...TRUST, "--time", "2025-07-02T00:00:00Z", ...ALLOW];
    assert.equal((await verify(...expired)).exit, 4);
    assert.equal((await verify(...expired, "--allow", "expired-collateral")).exit, 0);
  });

  it("--evidence-only stops before the policy, not before the signatures", async () => {
    const args = ["--collateral", data("sgx-01.collateral.json"), "--time", "2025-07-04T00:00:00Z", "--evidence-only"];
    const debug = await verdictOf(data("sgx-02.quote.bin"), ...args);
    assert.deepEqual([debug.exit, debug.verdict.measurement?.debug], [6, true]);
    assert.equal(debug.verdict.tcb?.status, "ConfigurationAndSWHardeningNeeded");
    assert.equal((await verify(data("sgx-04-tampered.quote.bin"), ...args)).exit, 3);
  });

  it("-o json has every key, -o text one closing line", async () => {
    const { verdict } = await verdictOf(...GOOD);
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
    const text = (await verify(...GOOD, "-o", "text")).stdout.trimEnd().split("\n");
    assert.match(text.at(-1) ?? "", /^REFUSED \(simulated, TCB UpToDate\): .*\[ERR_POLICY_SIMULATED\]$/u);
    assert.ok(text.some((line) => line.startsWith("✓ quote-signature")));
    assert.ok(text.some((line) => line.startsWith("✗ simulated")));
    assert.match((await verify(...GOOD, "--evidence-only")).stdout, /\nVERIFIED \(simulated, TCB UpToDate\)[^\n]*\n$/u);
    assert.match(
      (await verify(...GOOD, ...ALLOW)).stdout,
      /\nACCEPTED \(simulated, TCB UpToDate\); allowed by exception/u,
    );
    assert.equal((await verify(...GOOD, "-o", "yaml")).exit, 2);
  });
});

describe("kinds of files", { concurrency: 2 }, () => {
  it("reads a certificate", async () => {
    const args = [data("ratls/gramine-cert.pem"), "--time", "2024-01-01T00:00:00Z"];
    const { exit, verdict } = await verdictOf(...args);
    assert.deepEqual([exit, codesOf(verdict)], [4, ["ERR_COLLATERAL_MISSING"]]);
    assert.ok(verdict.checks.some(({ check, result }) => check === "key-binding" && result === "ok"));
  });

  it("reads an SEV-SNP report, with its endorsements in DER and PEM", async () => {
    const args = [data("snp/milan-v2-b.report.bin"), "--time", "2024-06-01T00:00:00Z", "--evidence-only"];
    const endorsements = [
      "--endorsement",
      data("snp/milan-v2-b.vek.der"),
      "--endorsement",
      data("snp/chain-milan.pem"),
    ];
    const { exit, verdict } = await verdictOf(...args, ...endorsements);
    assert.deepEqual([exit, verdict.tee], [6, "sev-snp"]);
    assert.equal(verdict.claims["REPORTED_TCB"], "0300000000000873");
    assert.match((await verify(...args, ...endorsements)).stdout, /^TCB {8}Milan: bootLoader 3/mu);
    assert.equal((await verify(...args)).exit, 4);
    const tampered = [data("snp/milan-tampered.report.bin"), ...args.slice(1), ...endorsements];
    assert.equal((await verify(...tampered)).exit, 3);
  });

  it("reads a TDX quote", async () => {
    const args = ["--collateral", data("tdx-01.collateral.json"), "--time", "2025-07-04T00:00:00Z", "--evidence-only"];
    const { exit, verdict } = await verdictOf(data("tdx-01.quote.bin"), ...args);
    assert.deepEqual([exit, verdict.tee, verdict.tcb?.status], [6, "tdx", "UpToDate"]);
    assert.equal((await verify(data("tdx-01.quote.bin"), ...args)).exit, 6);
  });

  it("reads an evidence message, and refuses claims that it does not bind", async () => {
    const evidence = { format: "sgx-quote", quote: readFileSync(QUOTE) } as const;
    const claims = encodeClaims({ pubkeyHash: hashPublicKey(Buffer.from("key")) });
    const message = file("claims", encodeEvidenceMessage({ evidence, claims }));
    const { exit, verdict } = await verdictOf(message, ...COLLATERAL, ...TRUST, ...TIME, "--evidence-only");
    assert.deepEqual([exit, codesOf(verdict)], [3, ["ERR_EVIDENCE_UNBOUND"]]);
  });
});
