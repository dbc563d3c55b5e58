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
  derContext,
  derInteger,
  derNull,
  derSequence,
  EXTENSION,
  keyUsage,
  parseCertificate,
  parseCrl,
  parsePemChain,
  readDer,
  subjectKeyId,
  toPem,
  verifyCrl,
  verifySignedBy,
} from "./index.ts";

const collateral = JSON.parse(
  readFileSync(new URL("../../../test/vectors/dcap/sgx-01.collateral.json", import.meta.url), "utf8"),
) as Record<string, string>;

const readData = (name: string): Buffer => readFileSync(new URL(`../test/data/${name}`, import.meta.url));
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

  it("of AMD's chips hold: RSASSA-PSS over P-384 keys, and in no other order", () => {
    const [ask, ark] = parsePemChain(readData("amd-milan-chain.pem").toString());
    const vcek = parseCertificate(readData("amd-milan-vcek.der"));
    if (ask === undefined || ark === undefined) assert.fail();
    assert.deepEqual([ask.signatureAlgorithm, vcek.signatureAlgorithm], ["rsa-pss-sha384", "rsa-pss-sha384"]);
    assert.equal(vcek.publicKey.asymmetricKeyDetails?.namedCurve, "secp384r1");
    assert.deepEqual(
      [
        verifySignedBy(ark, ark.publicKey),
        verifySignedBy(ask, ark.publicKey),
        verifySignedBy(vcek, ask.publicKey),
        verifySignedBy(vcek, ark.publicKey),
        verifySignedBy(vcek, vcek.publicKey),
      ],
      [true, true, true, false, false],
    );
  });

  it("hold with RSA, PKCS #1 v1.5", () => {
    const rsa = parseCertificate(readData("rsa-pkcs1.pem"));
    assert.equal(rsa.signatureAlgorithm, "rsa-sha256");
    assert.equal(verifySignedBy(rsa, rsa.publicKey), true);
  });

  it("are issued with P-384 as well, and with no other kind of key", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const issued = createCertificate({ ...options, publicKey, signingKey: privateKey });
    assert.equal(parseCertificate(issued).signatureAlgorithm, "ecdsa-sha384");
    assert.equal(new X509Certificate(issued).verify(publicKey), true);
    for (const other of [
      generateKeyPairSync("ec", { namedCurve: "P-521" }),
      generateKeyPairSync("ed25519"),
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ]) {
      const signingKey = other.privateKey;
      assert.throws(() => createCertificate({ ...options, signingKey }), { code: "ERR_X509_ALGORITHM" });
    }
  });

  it("with a negative serial number, or more fields than X.509 has, are refused", () => {
    assert.throws(() => parseCertificate(createCertificate({ ...options, serial: -1n })), { code: "ERR_X509_FORMAT" });
    const fields = readDer(der).children.map(({ raw }) => raw);
    const body = readDer(der).children[0]?.children.map(({ raw }) => raw) ?? [];
    const extended = derSequence(derSequence(...body, derContext(4, derNull())), ...fields.slice(1));
    assert.throws(() => parseCertificate(extended), { code: "ERR_X509_FORMAT" });
    const doubled = derSequence(derSequence(...body, body.at(-1) ?? derNull()), ...fields.slice(1));
    assert.throws(() => parseCertificate(doubled), { code: "ERR_X509_FORMAT" });
  });

  it("an extension that encodes a default is refused", () => {
    const critical = Buffer.from("0101ff", "hex");
    const at = Buffer.from(der).indexOf(critical);
    const altered = Uint8Array.from(der);
    altered[at + 2] = 0;
    assert.throws(() => parseCertificate(altered), { code: "ERR_X509_EXTENSION" });
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

  it("that are parts of a list, or speak for other issuers, are refused", () => {
    const base = {
      issuer: options.subject,
      thisUpdate: at,
      nextUpdate: new Date("2026-06-05T00:00:00Z"),
      revoked: [],
      crlNumber: 9n,
      authorityKeyId: id,
      signingKey: pair.privateKey,
    };
    for (const oid of ["2.5.29.27", "2.5.29.28"]) {
      const extension = { oid, critical: true, value: derInteger(1) };
      assert.throws(() => parseCrl(createCrl({ ...base, extensions: [extension] })), { code: "ERR_X509_EXTENSION" });
      const harmless = parseCrl(createCrl({ ...base, extensions: [{ ...extension, critical: false }] }));
      assert.equal(harmless.extensions.has(oid), true);
    }
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
