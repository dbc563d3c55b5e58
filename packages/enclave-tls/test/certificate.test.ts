import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import {
  type Attester,
  decodeEvidenceMessage,
  encodeClaims,
  encodeEvidenceMessage,
  reportDataFor,
} from "@inclavare/attestation";
import { createCertificate, type NewCertificate, type NewExtension, parseCertificate } from "@inclavare/x509";
import { checkLeafCertificate, createLeafCertificate, LEAF_LIFETIME_MS } from "../src/certificate.ts";
import { acceptEnclaveTls, connectEnclaveTls, createIdentity, identityFromKey } from "../src/index.ts";
import { sha256 } from "./hostile.ts";
import { ANYBODY, memoryPair, TIMEOUT_MS } from "./pairs.ts";
import { type SimulatedPlatform, startPlatform } from "./simulated.ts";

const EVIDENCE_OID = "2.23.133.5.4.9";
const NOW = new Date("2026-06-01T12:00:00Z");
const RULES = { now: NOW, ownSpkiSha256: new Uint8Array(32), evidenceRequired: false };

let platform: SimulatedPlatform;
let attester: Attester;
before(async () => {
  platform = await startPlatform();
  attester = platform.launch("workload");
});
after(() => platform[Symbol.dispose]());

function p256(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function certify(privateKey: KeyObject, changes: Partial<NewCertificate> = {}): Uint8Array {
  return createCertificate({
    subject: { CN: "anything" },
    serial: 1n,
    notBefore: new Date(NOW.getTime() - 1000),
    notAfter: new Date(NOW.getTime() + 1000),
    publicKey: createPublicKey(privateKey),
    signingKey: privateKey,
    extensions: [],
    ...changes,
  });
}

async function evidenceFor(key: KeyObject, options: { readonly boundTo?: Uint8Array } = {}): Promise<NewExtension> {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const claims = encodeClaims({ pubkeyHash: { algorithm: "sha-256", value: sha256(spki) }, purpose: "certificate" });
  const { format, quote } = await attester.evidence(options.boundTo ?? reportDataFor(claims));
  return { oid: EVIDENCE_OID, critical: false, value: encodeEvidenceMessage({ evidence: { format, quote }, claims }) };
}

describe("checkLeafCertificate", () => {
  it("takes a self-signed one, with and without evidence", async () => {
    const key = p256();
    const plain = certify(key);
    assert.deepEqual(checkLeafCertificate(plain, RULES).certificateDer, plain);
    const attested = certify(key, { extensions: [await evidenceFor(key)] });
    const { spkiSha256 } = checkLeafCertificate(attested, { ...RULES, evidenceRequired: true });
    assert.deepEqual(spkiSha256, sha256(parseCertificate(attested).spki));
  });

  it("refuses no certificate with ERR_TLS_CERTIFICATE_MISSING", () => {
    assert.throws(() => checkLeafCertificate(undefined, RULES), { code: "ERR_TLS_CERTIFICATE_MISSING" });
  });

  it("refuses one that is not valid at this time with ERR_TLS_CERTIFICATE_TIME", () => {
    const certificate = certify(p256());
    for (const offset of [-2000, 2000]) {
      const now = new Date(NOW.getTime() + offset);
      assert.throws(() => checkLeafCertificate(certificate, { ...RULES, now }), { code: "ERR_TLS_CERTIFICATE_TIME" });
    }
  });

  it("refuses one that another key signed with ERR_TLS_CERTIFICATE", () => {
    const certificate = certify(p256(), { signingKey: p256() });
    assert.throws(() => checkLeafCertificate(certificate, RULES), { code: "ERR_TLS_CERTIFICATE" });
  });

  it("refuses another kind of key, an unknown critical extension, and garbage with ERR_TLS_CERTIFICATE", () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const rsa = certify(p256(), { publicKey: weak.publicKey });
    const critical = { oid: "1.2.3.4", critical: true, value: new Uint8Array(2) };
    for (const der of [rsa, certify(p256(), { extensions: [critical] }), new Uint8Array(randomBytes(200))]) {
      assert.throws(() => checkLeafCertificate(der, RULES), { code: "ERR_TLS_CERTIFICATE" });
    }
  });

  it("refuses this side's own key with ERR_TLS_OWN_KEY", () => {
    const certificate = certify(p256());
    const ownSpkiSha256 = sha256(parseCertificate(certificate).spki);
    assert.throws(() => checkLeafCertificate(certificate, { ...RULES, ownSpkiSha256 }), { code: "ERR_TLS_OWN_KEY" });
  });

  it("refuses one without evidence, where that is required, with ERR_TLS_EVIDENCE_MISSING", () => {
    const rules = { ...RULES, evidenceRequired: true };
    assert.throws(() => checkLeafCertificate(certify(p256()), rules), { code: "ERR_TLS_EVIDENCE_MISSING" });
  });

  it("refuses evidence of another key with ERR_TLS_CERTIFICATE_KEY", async () => {
    const certificate = certify(p256(), { extensions: [await evidenceFor(p256())] });
    assert.throws(() => checkLeafCertificate(certificate, RULES), { code: "ERR_TLS_CERTIFICATE_KEY" });
  });

  it("refuses evidence that does not carry the claims with ERR_TLS_PROOF_UNBOUND", async () => {
    const key = p256();
    const certificate = certify(key, { extensions: [await evidenceFor(key, { boundTo: new Uint8Array(64) })] });
    assert.throws(() => checkLeafCertificate(certificate, RULES), { code: "ERR_TLS_PROOF_UNBOUND" });
  });

  it("refuses malformed evidence, and two of it, with ERR_TLS_CERTIFICATE", async () => {
    const key = p256();
    const evidence = await evidenceFor(key);
    const trailing = { ...evidence, value: Buffer.concat([evidence.value, Uint8Array.of(0)]) };
    for (const extensions of [[trailing], [{ ...evidence, value: new Uint8Array(0) }], [evidence, evidence]]) {
      assert.throws(() => checkLeafCertificate(certify(key, { extensions }), RULES), { code: "ERR_TLS_CERTIFICATE" });
    }
  });
});

describe("createLeafCertificate", () => {
  it("writes the Interoperable RA-TLS profile: CBOR in the extension, claims for this key, no collateral", async () => {
    const privateKey = p256();
    const der = await createLeafCertificate({ privateKey, attester, workload: "payroll", now: NOW });
    const extension = parseCertificate(der).extensions.get(EVIDENCE_OID) ?? assert.fail("no evidence");
    assert.equal(extension.critical, false);
    assert.deepEqual([...extension.value.subarray(0, 4)], [0xd9, 0xea, 0x60, 0x82]);
    const { evidence, claims = assert.fail() } = decodeEvidenceMessage(extension.value);
    assert.equal(evidence.collateral, undefined);
    assert.match(Buffer.from(claims).toString("latin1"), /purpose.certificate.*workload.payroll/su);
    checkLeafCertificate(der, { ...RULES, evidenceRequired: true });
  });
});

describe("an identity", () => {
  it("of a given key keeps its name", async () => {
    const pem = p256().export({ type: "pkcs8", format: "pem" });
    const [first, second] = [await identityFromKey(pem, { now: NOW }), await identityFromKey(pem, { now: NOW })];
    assert.deepEqual(first.spkiSha256, second.spkiSha256);
    assert.notDeepEqual(first.certificateDer, second.certificateDer);
  });

  it("refuses other keys with ERR_TLS_KEY, without quoting them", async () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
    for (const pem of ["secret text", rsa]) {
      await assert.rejects(identityFromKey(pem, { now: NOW }), (error: Error & { code: string }) => {
        assert.equal(error.code, "ERR_TLS_KEY");
        return !error.message.includes("secret") && error.cause === undefined;
      });
    }
  });

  it("renews its certificate, not its key, at half of its life", async () => {
    const identity = await createIdentity({ attester, now: NOW });
    const [first, key] = [identity.certificateDer, identity.spkiSha256];
    await identity.renew(new Date(NOW.getTime() + LEAF_LIFETIME_MS / 3));
    assert.equal(identity.certificateDer, first);
    const later = new Date(NOW.getTime() + LEAF_LIFETIME_MS * 0.6);
    await identity.renew(later);
    assert.notEqual(identity.certificateDer, first);
    assert.deepEqual(identity.spkiSha256, key);
    checkLeafCertificate(identity.certificateDer, { ...RULES, now: later, evidenceRequired: true });
  });

  it("lives with an attester that is away, as long as its certificate does", async () => {
    const source = { ...attester };
    const identity = await createIdentity({ attester: source, now: NOW });
    source.evidence = () => Promise.reject(new Error("away"));
    await identity.renew(new Date(NOW.getTime() + LEAF_LIFETIME_MS * 0.9));
    await assert.rejects(identity.renew(new Date(NOW.getTime() + LEAF_LIFETIME_MS * 1.1)));
  });

  it("with an expired certificate is refused on the connection with ERR_TLS_CERTIFICATE_TIME", async () => {
    const { server, client } = memoryPair();
    const [own, other] = [await createIdentity({ now: NOW }), await createIdentity({ now: NOW })];
    const options = { peer: ANYBODY, timeoutMs: TIMEOUT_MS };
    const later = new Date(NOW.getTime() + LEAF_LIFETIME_MS + 1);
    const served = acceptEnclaveTls(server, { ...options, identity: own, now: () => later });
    const connected = connectEnclaveTls(client, { ...options, identity: other, now: () => NOW });
    await Promise.all([
      assert.rejects(served, { code: "ERR_TLS_CERTIFICATE_TIME" }),
      assert.rejects(connected, { code: /ERR_TLS_(REFUSED_BY_PEER|CERTIFICATE_TIME)/u }),
    ]);
  });
});
