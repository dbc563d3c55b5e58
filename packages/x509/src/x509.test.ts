import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import "reflect-metadata";
import { X509Certificate as PeculiarCertificate, X509Crl as PeculiarCrl } from "@peculiar/x509";
import {
  authorityKeyId,
  basicConstraints,
  createCertificate,
  createCrl,
  crlDistributionPoint,
  EXTENSION,
  keyUsage,
  parseCertificate,
  parseCrl,
  parsePemChain,
  subjectKeyId,
  toPem,
  verifyCrl,
  verifySignedBy,
} from "./index.ts";

const collateral = JSON.parse(
  readFileSync(new URL("../../../test/vectors/dcap/sgx-01.collateral.json", import.meta.url), "utf8"),
) as Record<string, string>;

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const id = Buffer.alloc(20, 7);
const options = {
  subject: { CN: "Test Root", O: "Test", C: "US" },
  serial: 0x80_00_00_01n,
  notBefore: new Date("2026-01-02T03:04:05Z"),
  notAfter: new Date("2056-01-02T03:04:05Z"),
  publicKey: pair.publicKey,
  signingKey: pair.privateKey,
  extensions: [
    basicConstraints({ ca: true, pathLength: 1 }),
    keyUsage("keyCertSign", "crlSign"),
    subjectKeyId(id),
    authorityKeyId(id),
    crlDistributionPoint("https://example.test/root.crl"),
    { oid: "1.2.3.4", critical: false, value: Uint8Array.of(0xa0) },
  ],
};

describe("certificates", () => {
  const der = createCertificate(options);
  const certificate = parseCertificate(der);

  it("come out as they went in", () => {
    assert.equal(certificate.subject.text, "CN=Test Root, O=Test, C=US");
    assert.equal(certificate.serial, "80000001");
    assert.deepEqual(certificate.notBefore, options.notBefore);
    assert.deepEqual(certificate.notAfter, options.notAfter);
    assert.deepEqual(certificate.basicConstraints, { ca: true, pathLength: 1 });
    assert.deepEqual(certificate.keyUsage, new Set(["keyCertSign", "crlSign"]));
    assert.deepEqual(Buffer.from(certificate.subjectKeyId ?? []), id);
    assert.deepEqual(Buffer.from(certificate.authorityKeyId ?? []), id);
    assert.deepEqual([...(certificate.extensions.get("1.2.3.4")?.value ?? [])], [0xa0]);
    assert.equal(verifySignedBy(certificate, pair.publicKey), true);
  });

  it("read the same for OpenSSL and for another library", () => {
    const openssl = new X509Certificate(der);
    assert.equal(openssl.serialNumber, "80000001");
    assert.equal(openssl.verify(pair.publicKey), true);
    assert.equal(openssl.ca, true);
    assert.equal(openssl.validToDate.getTime(), options.notAfter.getTime());
    const peculiar = new PeculiarCertificate(der);
    assert.equal(peculiar.subject, "CN=Test Root, O=Test, C=US");
    assert.equal(peculiar.extensions.length, 6);
    assert.equal(peculiar.getExtension(EXTENSION.crlDistributionPoints)?.critical, false);
  });

  it("real chains verify link by link, and in no other order", () => {
    const chain = parsePemChain(collateral["tcb_info_issuer_chain"] ?? "");
    const [leaf, root] = chain;
    if (leaf === undefined || root === undefined) assert.fail();
    assert.equal(root.subject.commonName, "Intel SGX Root CA");
    assert.equal(verifySignedBy(leaf, root.publicKey), true);
    assert.equal(verifySignedBy(root, root.publicKey), true);
    assert.equal(verifySignedBy(leaf, leaf.publicKey), false);
    assert.deepEqual(leaf.issuer.raw, root.subject.raw);
  });

  it("a bit flipped in the signed part breaks the signature or the form", () => {
    for (let at = 8; at < der.length - 72; at += 3) {
      const altered = Uint8Array.from(der);
      altered[at] = (altered[at] ?? 0) ^ 4;
      let holds = false;
      try {
        holds = verifySignedBy(parseCertificate(altered), pair.publicKey);
      } catch (error) {
        assert.match((error as { code: string }).code, /^ERR_(?:DER|X509_|PEM)/u);
      }
      assert.equal(holds, false, `byte ${at}`);
    }
  });

  it("an extension that is there twice is refused", () => {
    const twice = createCertificate({ ...options, extensions: [subjectKeyId(id), subjectKeyId(id)] });
    assert.throws(() => parseCertificate(twice), { code: "ERR_X509_EXTENSION" });
  });

  it("PEM is read back; text without a whole block is refused", () => {
    const pem = toPem(der, "CERTIFICATE");
    assert.deepEqual(Buffer.from(parseCertificate(`words\n${pem}\0`).raw), Buffer.from(der));
    for (const text of ["", "x", pem.slice(0, -20), pem + pem, pem.replace("\nMII", "\n!!!")]) {
      assert.throws(() => parseCertificate(text), { code: "ERR_PEM" });
    }
  });
});

describe("revocation lists", () => {
  const at = new Date("2026-05-05T00:00:00Z");
  const crl = createCrl({
    issuer: options.subject,
    thisUpdate: at,
    nextUpdate: new Date("2026-06-05T00:00:00Z"),
    revoked: [{ serial: 255n, at }],
    crlNumber: 9n,
    authorityKeyId: id,
    signingKey: pair.privateKey,
  });

  it("come out as they went in, here and in another library", () => {
    const parsed = parseCrl(crl);
    assert.deepEqual([...parsed.revoked], [["ff", at]]);
    assert.equal(parsed.crlNumber, 9n);
    assert.equal(verifyCrl(parsed, pair.publicKey), true);
    assert.equal(verifyCrl(parsed, generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey), false);
    const peculiar = new PeculiarCrl(crl);
    assert.equal(peculiar.entries.length, 1);
    assert.equal(peculiar.issuer, "CN=Test Root, O=Test, C=US");
  });

  it("real ones verify with their issuer's key only", () => {
    const [, root] = parsePemChain(collateral["tcb_info_issuer_chain"] ?? "");
    const [intermediate] = parsePemChain(collateral["pck_crl_issuer_chain"] ?? "");
    if (root === undefined || intermediate === undefined) assert.fail();
    const rootCrl = parseCrl(Buffer.from(collateral["root_ca_crl"] ?? "", "hex"));
    const pckCrl = parseCrl(Buffer.from(collateral["pck_crl"] ?? "", "hex"));
    assert.equal(verifyCrl(rootCrl, root.publicKey), true);
    assert.equal(verifyCrl(pckCrl, intermediate.publicKey), true);
    assert.equal(verifyCrl(pckCrl, root.publicKey), false);
  });
});
