/** Certificates of other producers: recorded ones, and ones built here after their formats. */
import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Attester, type Verdict, verifyEvidence } from "@inclavare/attestation";
import { createCertificate, fromPem, type NewExtension, parseCertificate } from "@inclavare/x509";
import { checkLeafCertificate, createLeafCertificate } from "../src/certificate.ts";
import { type SimulatedPlatform, startPlatform } from "./simulated.ts";

const VECTORS = join(import.meta.dirname, "..", "..", "..", "test", "vectors", "ratls");
const NOW = new Date("2026-06-01T12:00:00Z");
const RULES = { now: NOW, ownSpkiSha256: new Uint8Array(32), evidenceRequired: true };

let platform: SimulatedPlatform;
let attester: Attester;
before(async () => {
  platform = await startPlatform(NOW);
  attester = platform.launch("workload");
});
after(() => platform[Symbol.dispose]());

function p256(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function certify(signingKey: KeyObject, extensions: readonly NewExtension[], publicKey = createPublicKey(signingKey)) {
  return createCertificate({
    subject: { CN: "anything" },
    serial: 1n,
    notBefore: new Date(NOW.getTime() - 1000),
    notAfter: new Date(NOW.getTime() + 1000),
    publicKey,
    signingKey,
    extensions,
  });
}

async function quoteOver(bytes: Uint8Array): Promise<Uint8Array> {
  const reportData = Buffer.concat([createHash("sha256").update(bytes).digest()], 64);
  return (await attester.evidence(reportData)).quote;
}

function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

/** As Open Enclave hashes a key. */
function pemOf(key: KeyObject): Buffer {
  return Buffer.from(`${createPublicKey(key).export({ type: "spki", format: "pem" }) as string}\0`);
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);

function openEnclaveReport(quote: Uint8Array, type = 2): Buffer {
  return Buffer.concat([u32(1), u32(type), u64(quote.length), quote]);
}

const SGX_ECDSA = Buffer.from("a3a21e871b4d4014b70aa125d2fbcd8c", "hex");

function openEnclaveEvidence(data: Uint8Array, { version = 3, format = SGX_ECDSA } = {}): Buffer {
  return Buffer.concat([u32(version), format, u32(0), u64(data.length), data]);
}

function openEnclaveClaims(value: Uint8Array): Buffer {
  const name = Buffer.from("public_key");
  return Buffer.concat([u64(1), u64(1), u64(name.length), u64(value.length), name, value]);
}

/** Verifies the evidence of a certificate in full, as a peer of no other policy than "genuine" would. */
async function verify(bytes: Uint8Array): Promise<Verdict> {
  const { collateral } = await attester.evidence(new Uint8Array(64));
  return verifyEvidence({
    bytes,
    ...(collateral === undefined ? {} : { collateral }),
    trustAnchors: platform.trustAnchors,
    now: NOW,
    allow: [],
    evidenceOnly: true,
  });
}

describe("certificates that were recorded elsewhere", () => {
  for (const [file, time] of [
    ["gramine-cert.pem", "2024-01-01T00:00:00Z"],
    ["rats-tls-legacy-cert.pem", undefined],
  ] as const) {
    it(`${file} is read, and its evidence is about its key`, () => {
      const [der = assert.fail()] = fromPem(readFileSync(join(VECTORS, file), "utf8"), "CERTIFICATE", file);
      const { notBefore, spki } = parseCertificate(der);
      const now = time === undefined ? new Date(notBefore.getTime() + 1000) : new Date(time);
      const { spkiSha256 } = checkLeafCertificate(der, { ...RULES, now });
      assert.deepEqual(Buffer.from(spkiSha256), createHash("sha256").update(spki).digest());
    });
  }
});

type Build = (key: KeyObject, about: KeyObject) => Promise<NewExtension[]>;
const one = (oid: string, value: Uint8Array): NewExtension[] => [{ oid, critical: false, value }];

/** Evidence about one key, for the certificate of another; honest where they are the same. */
const FORMS: Readonly<Record<string, Build>> = {
  "Intel's early RA-TLS": async (_key, about) => one("1.2.840.113741.1337.6", await quoteOver(spkiOf(about))),
  "Gramine's mis-encoded OID": async (_key, about) => one("0.6.9.42.840.113741.1337.6", await quoteOver(spkiOf(about))),
  "rats-tls's TDX OID": async (_key, about) => one("1.2.840.113741.1337.8", await quoteOver(spkiOf(about))),
  "the Intel SGX SDK's OID": async (_key, about) => one("1.2.840.113741.1.13.1", await quoteOver(spkiOf(about))),
  "an Open Enclave report": async (_key, about) =>
    one("1.3.6.1.4.1.311.105.1", openEnclaveReport(await quoteOver(pemOf(about)))),
  "an Open Enclave report under the older OID": async (_key, about) =>
    one("1.2.840.113556.10.1.1", openEnclaveReport(await quoteOver(pemOf(about)))),
  "Open Enclave evidence": async (_key, about) => {
    const claims = openEnclaveClaims(pemOf(about));
    return one("1.3.6.1.4.1.311.105.2", openEnclaveEvidence(Buffer.concat([await quoteOver(claims), claims])));
  },
  "Open Enclave evidence of version 2, the key as its only claim": async (_key, about) => {
    const claims = pemOf(about);
    const data = Buffer.concat([openEnclaveReport(await quoteOver(claims)), claims]);
    return one("1.2.840.113556.10.1.2", openEnclaveEvidence(data, { version: 2 }));
  },
};

for (const [name, build] of Object.entries(FORMS)) {
  describe(`a certificate with ${name}`, () => {
    it("is read, and its evidence verifies", async () => {
      const key = p256();
      const der = certify(key, await build(key, key));
      checkLeafCertificate(der, RULES);
      const verdict = await verify(der);
      assert.equal(verdict.verdict, "verified");
      assert.equal(verdict.checks.find(({ check }) => check === "key-binding")?.result, "ok");
    });

    it("is refused with ERR_TLS_CERTIFICATE_KEY where the evidence is about another key", async () => {
      const key = p256();
      const der = certify(key, await build(key, p256()));
      assert.throws(() => checkLeafCertificate(der, RULES), { code: "ERR_TLS_CERTIFICATE_KEY" });
      assert.equal((await verify(der)).verdict, "refused");
    });
  });
}

describe("Open Enclave's evidence", () => {
  const report = "1.3.6.1.4.1.311.105.1";
  const evidence = "1.3.6.1.4.1.311.105.2";
  const refuses = (what: string, build: (key: KeyObject, quote: Uint8Array) => NewExtension[]): void => {
    it(`is refused with ERR_TLS_CERTIFICATE: ${what}`, async () => {
      const key = p256();
      const der = certify(key, build(key, await quoteOver(pemOf(key))));
      assert.throws(() => checkLeafCertificate(der, RULES), { code: "ERR_TLS_CERTIFICATE" });
    });
  };
  refuses("a local report", (_key, quote) => one(report, openEnclaveReport(quote, 1)));
  refuses("another format", (_key, quote) => one(evidence, openEnclaveEvidence(quote, { format: randomBytes(16) })));
  refuses("an unknown version", (_key, quote) => one(evidence, openEnclaveEvidence(quote, { version: 4 })));
  refuses("a cut header", (_key, quote) => one(report, openEnclaveReport(quote).subarray(0, 15)));
  refuses("a size beyond its end", (_key, quote) => one(report, openEnclaveReport(quote).subarray(0, -1)));
  refuses("trailing bytes", (_key, quote) => one(report, Buffer.concat([openEnclaveReport(quote), u32(0)])));
  refuses("a cut quote", (_key, quote) => one(evidence, openEnclaveEvidence(quote.subarray(0, 500))));
  refuses("a claim beyond its end", (key, quote) =>
    one(evidence, openEnclaveEvidence(Buffer.concat([quote, openEnclaveClaims(pemOf(key)).subarray(0, -1)]))),
  );

  it("whose claims say the key, but are not what the quote carries, is refused with ERR_TLS_CERTIFICATE_KEY", async () => {
    const key = p256();
    const data = Buffer.concat([await quoteOver(openEnclaveClaims(pemOf(p256()))), openEnclaveClaims(pemOf(key))]);
    const der = certify(key, one(evidence, openEnclaveEvidence(data)));
    assert.throws(() => checkLeafCertificate(der, RULES), { code: "ERR_TLS_CERTIFICATE_KEY" });
  });
});

describe("the endorsements extension", () => {
  it("is written when asked for, and read: the certificate then verifies by itself", async () => {
    const [privateKey, now] = [p256(), NOW];
    const alone = await createLeafCertificate({ privateKey, attester, now });
    const complete = await createLeafCertificate({ privateKey, attester, now, withEndorsements: true });
    const verdictOf = (bytes: Uint8Array): Verdict =>
      verifyEvidence({ bytes, trustAnchors: platform.trustAnchors, now, allow: [], evidenceOnly: true });
    assert.equal(parseCertificate(alone).extensions.has("2.23.133.5.4.2"), false);
    assert.equal(verdictOf(alone).verdict, "refused");
    assert.equal(verdictOf(complete).verdict, "verified");
    checkLeafCertificate(complete, RULES);
  });
});

describe("the evidence in a certificate", () => {
  it("that was made for another purpose is refused with ERR_TLS_PROOF_PURPOSE", async () => {
    const { encodeClaims, encodeEvidenceMessage, hashPublicKey, reportDataFor } =
      await import("@inclavare/attestation");
    for (const purpose of ["session", "nonce", "application"] as const) {
      const key = p256();
      const claims = encodeClaims({ pubkeyHash: hashPublicKey(spkiOf(key)), purpose });
      const { format, quote } = await attester.evidence(reportDataFor(claims));
      const value = encodeEvidenceMessage({ evidence: { format, quote }, claims });
      const der = certify(key, one("2.23.133.5.4.9", value));
      assert.throws(() => checkLeafCertificate(der, RULES), { code: "ERR_TLS_PROOF_PURPOSE" });
    }
  });

  it("may name the key by SHA-384 or SHA-512 too", async () => {
    const { encodeClaims, encodeEvidenceMessage, hashPublicKey, reportDataFor } =
      await import("@inclavare/attestation");
    for (const algorithm of ["sha-384", "sha-512"] as const) {
      const key = p256();
      const claims = encodeClaims({ pubkeyHash: hashPublicKey(spkiOf(key), algorithm) });
      const { format, quote } = await attester.evidence(reportDataFor(claims));
      const value = encodeEvidenceMessage({ evidence: { format, quote }, claims });
      checkLeafCertificate(certify(key, one("2.23.133.5.4.9", value)), RULES);
    }
  });
});
