import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import {
  decodeKeyRequest,
  decodeQuote,
  decodeReport,
  decodeReportBody,
  decodeSigstruct,
  decodeTargetInfo,
  encodeKeyRequest,
  encodeQuoteV3,
  encodeReport,
  encodeReportBody,
  encodeTargetInfo,
  parseCollateralBundle,
} from "./index.ts";

const bytes = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const attributes = fc.record({ flags: u64, xfrm: u64 });
const u16 = fc.nat({ max: 0xffff });
const u32 = fc.nat({ max: 0x7fffffff });

function assertRoundTrip<T>(
  arbitrary: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): void {
  fc.assert(fc.property(arbitrary, (value) => assert.deepEqual(encode(decode(encode(value)) as T), encode(value))));
  fc.assert(fc.property(arbitrary, (value) => assert.deepEqual(decode(encode(value)), plain(value))));
}

/** What a decoder returns: plain objects and plain arrays of bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

describe("SGX structures come out as they went in", () => {
  it("report body", () =>
    assertRoundTrip(
      fc.record({
        cpuSvn: bytes(16),
        miscSelect: u32,
        cetAttributes: fc.nat({ max: 255 }),
        isvExtProdId: bytes(16),
        attributes,
        mrEnclave: bytes(32),
        mrSigner: bytes(32),
        configId: bytes(64),
        isvProdId: u16,
        isvSvn: u16,
        configSvn: u16,
        isvFamilyId: bytes(16),
        reportData: bytes(64),
      }),
      encodeReportBody,
      decodeReportBody,
    ));
  it("REPORT", () =>
    assertRoundTrip(fc.record({ body: bytes(384), keyId: bytes(32), mac: bytes(16) }), encodeReport, decodeReport));
  it("TARGETINFO", () =>
    assertRoundTrip(
      fc.record({
        mrEnclave: bytes(32),
        attributes,
        cetAttributes: fc.nat({ max: 255 }),
        configSvn: u16,
        miscSelect: u32,
        configId: bytes(64),
      }),
      encodeTargetInfo,
      decodeTargetInfo,
    ));
  it("KEYREQUEST", () =>
    assertRoundTrip(
      fc.record({
        keyName: u16,
        keyPolicy: u16,
        isvSvn: u16,
        cpuSvn: bytes(16),
        attributeMask: attributes,
        keyId: bytes(32),
        miscMask: u32,
        configSvn: u16,
      }),
      encodeKeyRequest,
      decodeKeyRequest,
    ));
});

describe("decoders", () => {
  const real = readFileSync(new URL("../../../test/vectors/dcap/syn-sgx-ok.quote.bin", import.meta.url));

  it("a quote is encoded as it was decoded", () => {
    assert.deepEqual(Buffer.from(encodeQuoteV3(decodeQuote(real))), real.subarray(0, 436 + real.readUInt32LE(432)));
  });

  it("any bytes, and any change to a real quote, give a value or a coded error", () => {
    const tryAll = (input: Uint8Array): void => {
      for (const decode of [decodeQuote, decodeSigstruct, decodeReport, decodeTargetInfo, decodeKeyRequest]) {
        try {
          decode(input);
        } catch (error) {
          assert.ok(isInclavareError(error), String(error));
        }
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), tryAll));
    fc.assert(
      fc.property(
        fc.nat({ max: real.length - 1 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: real.length }),
        (at, value, length) => {
          const altered = Uint8Array.from(real);
          altered[at] = value;
          tryAll(altered.subarray(0, length));
        },
      ),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parseCollateralBundle(value, "x");
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_COLLATERAL_FORMAT"));
        }
      }),
    );
  });
});
