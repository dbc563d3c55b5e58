import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  createSigstruct,
  decodeQuote,
  decodeReport,
  decodeReportBody,
  encodeKeyRequest,
  encodeTargetInfo,
  generateSigningKey,
  isDebug,
  KEY_NAME,
  KEY_POLICY,
  type KeyRequest,
  Measurement,
  PAGE_FLAGS,
  verifyReportMac,
} from "@inclavare/sgx";
import { parseCrl, parsePemChain, verifyCrl, verifySignedBy } from "@inclavare/x509";
import { createPlatform, type LaunchedEnclave, openPlatform } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "inclavare-sgx-sim-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const now = new Date("2026-06-01T12:00:00Z");
const signer = generateSigningKey();
const path = join(directory, "platform");
const platform = await createPlatform(path, { now });

function measure(text: string): Measurement {
  const measurement = Measurement.create({ sizeBytes: 0x4000, ssaFrameSize: 1 });
  measurement.addRegion(0, PAGE_FLAGS.r, Buffer.from(text));
  return measurement;
}

function sign(measurement: Measurement, fields: { debug?: boolean; isvSvn?: number } = {}): Uint8Array {
  const { debug = false, isvSvn = 2 } = fields;
  return createSigstruct({ mrEnclave: measurement.digest(), isvProdId: 9, isvSvn, date: now, debug }, signer);
}

function launch(text: string, options: { debug?: boolean; isvSvn?: number } = {}, on = platform): LaunchedEnclave {
  const measurement = measure(text);
  return on.launch({ measurement, debug: options.debug ?? false, sigstruct: sign(measurement, options) });
}

const NO_KEY_REQUEST: KeyRequest = {
  keyName: KEY_NAME.seal,
  keyPolicy: 0,
  isvSvn: 0,
  cpuSvn: new Uint8Array(16),
  attributeMask: { flags: 0n, xfrm: 0n },
  keyId: new Uint8Array(32),
  miscMask: 0,
  configSvn: 0,
};

describe("creation", () => {
  it("keeps everything to root, and never writes over a platform", async () => {
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(statSync(join(path, "platform.json")).mode & 0o777, 0o600);
    await assert.rejects(createPlatform(path, { now }), { code: "ERR_SGX_PLATFORM" });
    assert.equal(openPlatform(path).rootCertificatePem, platform.rootCertificatePem);
    assert.throws(() => openPlatform(join(directory, "none")), { code: "ERR_SGX_PLATFORM" });
  });
});

describe("EINIT", () => {
  it("lets in what was signed", () => {
    const enclave = launch("a");
    assert.deepEqual(enclave.mrEnclave, measure("a").digest());
    assert.deepEqual([enclave.isvProdId, enclave.isvSvn, enclave.debug], [9, 2, false]);
  });

  it("refuses what was altered after signing", () => {
    assert.throws(() => platform.launch({ measurement: measure("b"), debug: false, sigstruct: sign(measure("a")) }), {
      code: "ERR_SGX_INVALID_MEASUREMENT",
    });
  });

  it("refuses a broken signature, and a broken structure", () => {
    const sigstruct = sign(measure("a"));
    for (const [at, code] of [
      [516, "ERR_SGX_INVALID_SIGNATURE"],
      [1026, "ERR_SGX_INVALID_SIGNATURE"],
      [0, "ERR_SGX_INVALID_SIG_STRUCT"],
    ] as const) {
      const altered = Uint8Array.from(sigstruct);
      altered[at] = (altered[at] ?? 0) ^ 1;
      assert.throws(() => platform.launch({ measurement: measure("a"), debug: false, sigstruct: altered }), { code });
    }
  });

  it("takes nothing from its caller but what a loader may ask for", () => {
    const measurement = measure("a");
    const attributes = { flags: 0x14n, xfrm: 3n };
    const fields = { mrEnclave: measurement.digest(), isvProdId: 9, isvSvn: 2, date: now, attributes };
    const options = { measurement, debug: false, sigstruct: createSigstruct(fields, signer), privileged: true };
    assert.throws(() => platform.launch(options), { code: "ERR_SGX_INVALID_ATTRIBUTE" });
  });

  it("launches no debug enclave under a production signature, nor the other way round", () => {
    for (const debug of [true, false]) {
      const measurement = measure("a");
      assert.throws(() => platform.launch({ measurement, debug: !debug, sigstruct: sign(measurement, { debug }) }), {
        code: "ERR_SGX_INVALID_ATTRIBUTE",
      });
    }
  });
});

describe("EREPORT", () => {
  const [prover, challenger] = [launch("a"), launch("b")];
  const reportData = new Uint8Array(64).fill(9);
  const target = {
    mrEnclave: challenger.mrEnclave,
    attributes: { flags: 5n, xfrm: 3n },
    cetAttributes: 0,
    configSvn: 0,
    miscSelect: 0,
    configId: new Uint8Array(64),
  };
  /** What the code in an enclave does with a report that it is shown. */
  const holds = (enclave: LaunchedEnclave, bytes: Uint8Array): boolean => {
    const report = decodeReport(bytes);
    const keyRequest = { ...NO_KEY_REQUEST, keyName: KEY_NAME.report, keyId: report.keyId };
    return verifyReportMac(enclave.key(encodeKeyRequest(keyRequest)), report);
  };

  it("makes reports that their target can check, on this platform only, and nobody else", async () => {
    const report = prover.report(encodeTargetInfo(target), reportData);
    assert.equal(holds(challenger, report), true);
    assert.equal(holds(prover, report), false);
    assert.equal(holds(launch("b", { debug: true }), report), false);
    const other = await createPlatform(join(directory, "elsewhere"), { now });
    assert.equal(holds(launch("b", {}, other), report), false);
    const altered = Uint8Array.from(report);
    altered[64] = (altered[64] ?? 0) ^ 1;
    assert.equal(holds(challenger, altered), false);
    const { mrEnclave, reportData: carried } = decodeReportBody(report.subarray(0, 384));
    assert.deepEqual([mrEnclave, carried], [prover.mrEnclave, reportData]);
  });

  it("makes none that holds for a target which asks for another configuration", () => {
    const configId = new Uint8Array(64).fill(1);
    assert.equal(holds(challenger, prover.report(encodeTargetInfo({ ...target, configId }), reportData)), false);
  });

  it("refuses structures of another size", () => {
    assert.throws(() => prover.report(new Uint8Array(511), reportData), { code: "ERR_SGX_SIZE" });
    assert.throws(() => prover.report(encodeTargetInfo(target), new Uint8Array(32)), { code: "ERR_SGX_SIZE" });
    assert.throws(() => prover.quote(new Uint8Array(32)), { code: "ERR_SGX_SIZE" });
  });
});

describe("EGETKEY", () => {
  const request = (changes: object = {}): Uint8Array =>
    encodeKeyRequest({ ...NO_KEY_REQUEST, keyPolicy: KEY_POLICY.mrEnclave, isvSvn: 2, ...changes });
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

  it("gives one enclave the same key again, also after the platform was opened anew", () => {
    assert.equal(hex(launch("a").key(request())), hex(launch("a", {}, openPlatform(path)).key(request())));
  });

  it("gives another enclave, a debug enclave, another key id another key", () => {
    const keys = [
      launch("a").key(request()),
      launch("b").key(request()),
      launch("a", { debug: true }).key(request()),
      launch("a").key(request({ keyId: new Uint8Array(32).fill(1) })),
      launch("a").key(request({ keyPolicy: KEY_POLICY.mrSigner })),
      launch("a").key(request({ isvSvn: 1 })),
      launch("a").key(request({ cpuSvn: Buffer.concat([Buffer.of(1)], 16) })),
      launch("a").key(request({ attributeMask: { flags: 4n, xfrm: 0n } })),
    ].map(hex);
    assert.equal(new Set(keys).size, keys.length);
  });

  it("gives every enclave of a signer the same key by MRSIGNER, also a newer one the key of an older", () => {
    const bySigner = request({ keyPolicy: KEY_POLICY.mrSigner });
    assert.equal(hex(launch("a").key(bySigner)), hex(launch("b").key(bySigner)));
    assert.equal(hex(launch("a").key(bySigner)), hex(launch("c", { isvSvn: 3 }).key(bySigner)));
  });

  for (const [what, changes, code] of [
    ["a security version above its own", { isvSvn: 3 }, "ERR_SGX_INVALID_KEY_REQUEST"],
    ["a CPUSVN above the platform's", { cpuSvn: new Uint8Array(16).fill(2) }, "ERR_SGX_INVALID_KEY_REQUEST"],
    ["an unknown key", { keyName: 7 }, "ERR_SGX_INVALID_KEY_REQUEST"],
    ["a policy that needs KSS", { keyPolicy: KEY_POLICY.configId }, "ERR_SGX_INVALID_KEY_REQUEST"],
    ["a configuration version above its own", { configSvn: 1 }, "ERR_SGX_INVALID_KEY_REQUEST"],
    ["a launch key", { keyName: KEY_NAME.einitToken }, "ERR_SGX_INVALID_ATTRIBUTE"],
    ["a reserved policy", { keyPolicy: 0x8000 }, "ERR_SGX_INVALID_KEY_REQUEST"],
    ["a provisioning key", { keyName: KEY_NAME.provision }, "ERR_SGX_INVALID_ATTRIBUTE"],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => launch("a").key(request(changes)), { code }));
  }
});

describe("quotes", () => {
  const reportData = Uint8Array.from({ length: 64 }, (_, index) => index);
  const quote = decodeQuote(launch("a").quote(reportData));
  const chain = parsePemChain(Buffer.from(quote.certificationData.data).toString());
  const [pck, ca, root] = chain;
  if (pck === undefined || ca === undefined || root === undefined) assert.fail();

  it("say what was launched, and carry the caller's data", () => {
    assert.deepEqual(quote.reportBody.mrEnclave, measure("a").digest());
    assert.deepEqual(quote.reportBody.reportData, reportData);
    assert.equal(isDebug(quote.reportBody), false);
    assert.equal(isDebug(decodeQuote(launch("a", { debug: true }).quote(reportData)).reportBody), true);
  });

  it("hold link by link, from the root to the quote", () => {
    assert.equal(
      verifySignedBy(root, root.publicKey) && verifySignedBy(ca, root.publicKey) && verifySignedBy(pck, ca.publicKey),
      true,
    );
    const p1363 = { dsaEncoding: "ieee-p1363" } as const;
    assert.equal(
      verify("sha256", quote.qeReportBytes, { key: pck.publicKey, ...p1363 }, quote.qeReportSignature),
      true,
    );
    const binding = createHash("sha256").update(quote.attestationKey).update(quote.qeAuthData).digest();
    assert.deepEqual(Buffer.from(quote.qeReport.reportData), Buffer.concat([binding], 64));
    const [x, y] = [0, 32].map((at) => Buffer.from(quote.attestationKey.subarray(at, at + 32)).toString("base64url"));
    const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" }, format: "jwk" });
    assert.equal(verify("sha256", quote.signedBytes, { key, ...p1363 }, quote.signature), true);
  });

  it("come with collateral that is signed, current, and of this platform", () => {
    const collateral = platform.collateral(now);
    const [signing, issuer] = parsePemChain(collateral.tcb_info_issuer_chain);
    if (signing === undefined || issuer === undefined) assert.fail();
    assert.equal(verifySignedBy(signing, root.publicKey), true);
    for (const [text, signature] of [
      [collateral.tcb_info, collateral.tcb_info_signature],
      [collateral.qe_identity, collateral.qe_identity_signature],
    ] as const) {
      const holds: boolean = verify(
        "sha256",
        Buffer.from(text),
        { key: signing.publicKey, dsaEncoding: "ieee-p1363" },
        Buffer.from(signature, "hex"),
      );
      assert.equal(holds, true);
      const { issueDate, nextUpdate } = JSON.parse(text) as { issueDate: string; nextUpdate: string };
      assert.deepEqual([issueDate, nextUpdate], ["2026-05-31T12:00:00Z", "2026-07-01T12:00:00Z"]);
    }
    assert.equal(verifyCrl(parseCrl(Buffer.from(collateral.root_ca_crl, "hex")), root.publicKey), true);
    assert.equal(verifyCrl(parseCrl(Buffer.from(collateral.pck_crl, "hex")), ca.publicKey), true);
    const { mrsigner } = JSON.parse(collateral.qe_identity) as { mrsigner: string };
    assert.equal(mrsigner.toLowerCase(), Buffer.from(quote.qeReport.mrSigner).toString("hex"));
  });

  it("are refused for a report of another platform", async () => {
    const other = await createPlatform(join(directory, "other"), { now });
    const enclave = launch("a", {}, other);
    assert.notDeepEqual(decodeQuote(enclave.quote(reportData)).attestationKey, quote.attestationKey);
  });
});
