import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import {
  createCertificate,
  createCrl,
  derBitString,
  derBoolean,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derTime,
  derUtf8,
  parseCertificate,
  parseCrl,
  readBitString,
  readBits,
  readBoolean,
  readDer,
  readInteger,
  readOctetString,
  readOid,
  readString,
  readTime,
  verifyCrl,
} from "./index.ts";

const oid = fc
  .tuple(fc.nat({ max: 2 }), fc.nat({ max: 39 }), fc.array(fc.bigInt({ min: 0n, max: 1n << 60n }), { maxLength: 5 }))
  .map(([top, second, rest]) => [top, second, ...rest].join("."));

describe("DER", () => {
  it("integers", () =>
    fc.assert(fc.property(fc.bigInt(), (value) => assert.equal(readInteger(readDer(derInteger(value)), "x"), value))));
  it("object identifiers", () =>
    fc.assert(fc.property(oid, (value) => assert.equal(readOid(readDer(derOid(value)), "x"), value))));
  it("texts", () =>
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) =>
        assert.equal(readString(readDer(derUtf8(value)), "x"), value),
      ),
    ));
  it("octets and bits, also long ones", () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000 }), (value) => {
        assert.deepEqual(Uint8Array.from(readOctetString(readDer(derOctetString(value)), "x")), value);
        assert.deepEqual(Uint8Array.from(readBitString(readDer(derBitString(value)), "x")), value);
      }),
      { numRuns: 20 },
    ));
  it("times, to the second", () =>
    fc.assert(
      fc.property(
        fc.date({ min: new Date("1950-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
        (value) => {
          const whole = new Date(Math.floor(value.getTime() / 1000) * 1000);
          assert.deepEqual(readTime(readDer(derTime(whole)), "x"), whole);
        },
      ),
    ));
  it("sequences keep order and boundaries", () =>
    fc.assert(
      fc.property(fc.array(fc.boolean()), (values) => {
        const { children } = readDer(derSequence(...values.map(derBoolean)));
        assert.deepEqual(
          children.map((child) => readBoolean(child, "x")),
          values,
        );
      }),
    ));

  it("named bits: the numbers that were set, and no unused bit", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.nat({ max: 7 }), (value, unused) => {
        const clean = Uint8Array.from(value);
        clean[clean.length - 1] = (clean.at(-1) ?? 0) & (0xff << unused);
        const bits = readBits(readDer(derBitString(clean, unused)), "x");
        assert.deepEqual(
          [...bits],
          Array.from({ length: 8 * clean.length - unused }, (_, bit) => bit).filter(
            (bit) => ((clean[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0,
          ),
        );
      }),
    );
    assert.throws(() => readBits(readDer(derBitString(Uint8Array.of(1), 1)), "x"), { code: "ERR_DER" });
  });

  it("refuses input that would cost more memory than it is long", () => {
    const many = derSequence(new Uint8Array(600_000).fill(0x05).map((_, index) => (index % 2 === 0 ? 0x05 : 0)));
    assert.throws(() => readDer(many), { code: "ERR_DER" });
  });

  it("certificates come out as they went in, for us and for OpenSSL", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const seconds = fc
      .date({ min: new Date("1950-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
      .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000));
    const values = fc.record({
      CN: fc.string({ unit: "grapheme", minLength: 1, maxLength: 64 }),
      serial: fc.bigInt({ min: 1n, max: (1n << 159n) - 1n }),
      notBefore: seconds,
      notAfter: seconds,
      value: fc.uint8Array({ maxLength: 300 }),
      critical: fc.boolean(),
    });
    fc.assert(
      fc.property(values, ({ CN, serial, notBefore, notAfter, value, critical }) => {
        const extensions = [{ oid: "1.2.3", critical, value }];
        const options = { subject: { CN }, serial, notBefore, notAfter, publicKey, signingKey: privateKey, extensions };
        const der = createCertificate(options);
        const parsed = parseCertificate(der);
        assert.deepEqual([parsed.subject.commonName, parsed.serial], [CN, serial.toString(16)]);
        assert.deepEqual([parsed.notBefore, parsed.notAfter], [notBefore, notAfter]);
        const extension = parsed.extensions.get("1.2.3");
        assert.deepEqual([extension?.critical, Uint8Array.from(extension?.value ?? [])], [critical, value]);
        const openssl = new X509Certificate(der);
        assert.equal(BigInt(`0x${openssl.serialNumber}`), serial);
        assert.equal(openssl.validToDate.getTime(), notAfter.getTime());
        assert.equal(openssl.verify(publicKey), true);
      }),
      { numRuns: 50 },
    );
  });

  it("revocation lists come out as they went in", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const at = new Date("2026-01-02T03:04:05Z");
    const serials = fc.uniqueArray(fc.bigInt({ min: 0n, max: (1n << 159n) - 1n }), { maxLength: 20 });
    fc.assert(
      fc.property(serials, fc.bigInt({ min: 0n, max: 1n << 100n }), (list, crlNumber) => {
        const revoked = list.map((serial) => ({ serial, at }));
        const crl = parseCrl(
          createCrl({
            issuer: { CN: "x" },
            thisUpdate: at,
            nextUpdate: at,
            revoked,
            crlNumber,
            authorityKeyId: Uint8Array.of(1),
            signingKey: privateKey,
          }),
        );
        assert.deepEqual(
          [...crl.revoked.keys()],
          list.map((serial) => serial.toString(16)),
        );
        assert.equal(crl.crlNumber, crlNumber);
        assert.equal(verifyCrl(crl, publicKey), true);
      }),
      { numRuns: 30 },
    );
  });

  it("any bytes give a value or a coded error, in every parser", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const parse of [readDer, parseCertificate, parseCrl]) {
          try {
            parse(bytes);
          } catch (error) {
            assert.ok(isInclavareError(error));
          }
        }
      }),
    );
  });

  for (const [what, hex] of [
    ["nothing", ""],
    ["a cut value", "0402ff"],
    ["something behind the end", "040100ff"],
    ["an indefinite length", "30800000"],
    ["a length of one byte in long form", "04810100"],
    ["a length with a leading zero", "0482000100"],
    ["a tag above 30", "1f1f0100"],
    [
      "more depth than a limit",
      `${"3004".repeat(0)}${Array.from({ length: 40 }, (_, i) => `30${(2 * (40 - i)).toString(16).padStart(2, "0")}`).join("")}0500`,
    ],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => readDer(Buffer.from(hex, "hex")), { code: "ERR_DER" }));
  }

  for (const [what, hex] of [
    ["a padded integer", "02020001"],
    ["an empty integer", "0200"],
    ["a padded negative integer", "0202ff80"],
  ] as const) {
    it(`refuses ${what}`, () =>
      assert.throws(() => readInteger(readDer(Buffer.from(hex, "hex")), "x"), { code: "ERR_DER" }));
  }
});
