import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import {
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
  readBoolean,
  readDer,
  readInteger,
  readOctetString,
  readOid,
  readString,
  readTime,
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
