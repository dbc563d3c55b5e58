import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  aesCmac,
  cascadeSignature,
  computeReportMac,
  createSigstruct,
  decodeKeyRequest,
  decodeQuote,
  decodeSigstruct,
  decodeTargetInfo,
  encodeQuoteV3,
  encodeReportBody,
  encodeSigstruct,
  generateSigningKey,
  isDebug,
  Measurement,
  mrSigner,
  parseCollateralBundle,
  mrSignerOf,
  PAGE_FLAGS,
  PAGE_SIZE,
  quotients,
  signingMaterial,
  sigstructBody,
  sigstructMessage,
  verifySigstruct,
} from "./index.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const counting = (size: number, from: number = 0): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => from + index);

/** The records V1 to V5 were computed by an independent implementation that agrees with real enclaves' SIGSTRUCTs. */
describe("Measurement", () => {
  const create = (): Measurement => Measurement.create({ sizeBytes: 0x2000, ssaFrameSize: 1 });
  const zero = new Uint8Array(PAGE_SIZE);
  const striped = Uint8Array.from({ length: PAGE_SIZE }, (_, index) => index >> 8);

  it("V1: ECREATE alone", () =>
    assert.equal(hex(create().digest()), "9e197c8837c6d65632dbdd59cd7df4f1a25b68d8e4e5eb6ca3b20b05311fecb8"));

  it("V2 to V4: a TCS page, then a page with and without its contents", () => {
    const v2 = create();
    v2.addPage(0, PAGE_FLAGS.tcs, zero);
    assert.equal(hex(v2.digest()), "86db1926252c24e64110df6f0c8591896036c33e307b9313f86eaefb8eef13fe");
    const v4 = v2.copy();
    v2.addPage(0x1000, PAGE_FLAGS.rw, striped);
    assert.equal(hex(v2.digest()), "6430767e0d0598db63b5061820bf7513e71cea4bcb177cbb09d443e60d3bdac6");
    v4.addPage(0x1000, PAGE_FLAGS.rw, striped, { measured: false });
    assert.equal(hex(v4.digest()), "e253c00aa1d7c21cb976f448155257aafb9c119ab570cafbe4198d42754e82c9");
  });

  it("V5: the order of pages counts", () => {
    const v5 = create();
    v5.addPage(0x1000, PAGE_FLAGS.rw, striped);
    v5.addPage(0, PAGE_FLAGS.tcs, zero);
    assert.equal(hex(v5.digest()), "a447d3c28fdd1dbd2c5d4069d0887b7fe104dd0cb0ab427b1f4e626173a95251");
  });

  it("a region is its pages, padded with zeros", () => {
    const [region, pages] = [create(), create()];
    assert.equal(region.addRegion(0, PAGE_FLAGS.r, striped.subarray(0, 4000)), PAGE_SIZE);
    pages.addPage(0, PAGE_FLAGS.r, Buffer.concat([striped.subarray(0, 4000)], PAGE_SIZE));
    assert.equal(hex(region.digest()), hex(pages.digest()));
  });

  for (const sizeBytes of [0, 0x1000, 0x3000, 0x2001]) {
    it(`refuses a size of ${sizeBytes}`, () =>
      assert.throws(() => Measurement.create({ sizeBytes, ssaFrameSize: 1 }), { code: "ERR_SGX_LAYOUT" }));
  }
  it("refuses pages that are neither a TCS nor ordinary, or writable and not readable", () => {
    for (const flags of [0, 0x103, 0x202, 0x206, 0x208, 0x301, 0x10201, -1, 1.5, Number.NaN])
      assert.throws(() => create().addPage(0, flags), { code: "ERR_SGX_LAYOUT" }, String(flags));
    assert.throws(() => create().addPage(0.5, PAGE_FLAGS.r), { code: "ERR_SGX_LAYOUT" });
    assert.throws(() => Measurement.create({ sizeBytes: 0x2000, ssaFrameSize: 0 }), { code: "ERR_SGX_LAYOUT" });
  });
  it("refuses a page outside, unaligned or of another size", () => {
    assert.throws(() => create().addPage(0x2000, PAGE_FLAGS.r), { code: "ERR_SGX_LAYOUT" });
    assert.throws(() => create().addPage(16, PAGE_FLAGS.r), { code: "ERR_SGX_LAYOUT" });
    assert.throws(() => create().addPage(0, PAGE_FLAGS.r, zero.subarray(1)), { code: "ERR_SGX_SIZE" });
  });
});

describe("SIGSTRUCT", () => {
  const key = generateSigningKey();
  const fields = { mrEnclave: counting(32), isvProdId: 0x1234, isvSvn: 7, date: new Date("2024-03-09"), debug: false };
  const encoded = createSigstruct(fields, key);

  it("the signed message of a given set of fields", () => {
    const zeros = new Uint8Array(384);
    const body = {
      ...sigstructBody(fields),
      cetAttributesMask: 0,
      attributes: { flags: 4n, xfrm: 3n },
      attributesMask: { flags: (1n << 64n) - 1n, xfrm: 0xfffffffffff9ff1bn },
    };
    const message = sigstructMessage(
      encodeSigstruct({ ...body, modulus: zeros, exponent: 3, signature: zeros, q1: zeros, q2: zeros }),
    );
    assert.equal(sha256(message), "4a4bf743cc934cddfc748de8407d7e551f654b4c003cbac21d57d69ec6492e4f");
  });

  it("Q1 and Q2 of a given number", () => {
    const little = (value: bigint): Uint8Array =>
      Uint8Array.from(Buffer.from(value.toString(16).padStart(768, "0"), "hex").reverse());
    const { q1, q2 } = quotients(little((1n << 3072n) - 1105n), little((1n << 3070n) + (1n << 1000n) + 7n));
    assert.equal(sha256(q1), "f50462a9df6e51375905a5c04f860704d2a40ad6d1638d1ed33db74c05557230");
    assert.equal(sha256(q2), "2867359b6b6c0fac897717dc5cd12af6f16bcfa1072148081218af76d9361da2");
  });

  it("M1: MRSIGNER of a modulus", () => {
    assert.equal(
      hex(mrSignerOf(new Uint8Array(384).fill(0xff))),
      "a292bc4a1d8d3caa7dd32d1858f7d642a27373526b84cde7df8634faad708d2a",
    );
  });

  it("comes out as it went in and holds; MRSIGNER is the key's", () => {
    const decoded = decodeSigstruct(encoded);
    assert.deepEqual(encodeSigstruct(decoded), encoded);
    assert.equal(verifySigstruct(decoded), true);
    assert.deepEqual(mrSignerOf(decoded.modulus), mrSigner(key));
  });

  it("a byte changed in any signed place breaks the signature or the form", () => {
    for (const at of [0, 16, 20, 40, 127, 900, 908, 928, 944, 960, 1008, 1024, 1027, 128, 516, 1040, 1424]) {
      const altered = Uint8Array.from(encoded);
      altered[at] = (altered[at] ?? 0) ^ 1;
      let holds = true;
      try {
        holds = verifySigstruct(decodeSigstruct(altered));
      } catch (error) {
        assert.equal((error as { code: string }).code, "ERR_SGX_INVALID_SIG_STRUCT");
        holds = false;
      }
      assert.equal(holds, false, `byte ${at}`);
    }
  });

  it("refuses numbers that do not fit", () => {
    for (const wrong of [{ isvSvn: 0x10000 }, { isvProdId: -1 }, { miscSelect: 2 ** 32 }, { vendor: 0.5 + 2 ** 32 }])
      assert.throws(() => createSigstruct({ ...fields, ...wrong }, key), { code: "ERR_SGX_RANGE" });
    const attributes = { flags: 1n << 64n, xfrm: 3n };
    assert.throws(() => createSigstruct({ ...fields, attributes }, key), { code: "ERR_SGX_RANGE" });
  });

  it("does not hold for a modulus that no key has", () => {
    const modulus = new Uint8Array(384);
    modulus[383] = 0x80;
    const zeros = new Uint8Array(384);
    const { q1, q2 } = quotients(modulus, zeros);
    assert.equal(verifySigstruct({ ...sigstructBody(fields), modulus, exponent: 3, signature: zeros, q1, q2 }), false);
  });

  it("states the attributes and masks that the signer gives", () => {
    const given = {
      attributes: { flags: 0x84n, xfrm: 0x7n },
      attributesMask: { flags: 0xfffffffffffffffdn, xfrm: 0xfffffffffffffffbn },
      miscSelect: 1,
      miscMask: 0xfffffffe,
      vendor: 0x8086,
    };
    const decoded = decodeSigstruct(createSigstruct({ ...fields, ...given }, key));
    assert.deepEqual({ ...decoded, ...given }, decoded);
    assert.equal(signingMaterial({ ...fields, ...given }).length, 256);
    assert.equal(verifySigstruct(decoded), true);
  });

  it("refuses a key of another kind, and a signature over something else", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
    assert.throws(() => createSigstruct(fields, privateKey), { code: "ERR_SGX_SIGNING_KEY" });
    const body = sigstructBody(fields);
    assert.throws(() => cascadeSignature(body, key, signingMaterial(body)), { code: "ERR_SGX_INVALID_SIGNATURE" });
  });
});

describe("REPORT", () => {
  it("AES-CMAC, RFC 4493 examples 1 to 4", () => {
    const key = Buffer.from("2b7e151628aed2a6abf7158809cf4f3c", "hex");
    const message = Buffer.from(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
      "hex",
    );
    const expected = {
      0: "bb1d6929e95937287fa37d129b756746",
      16: "070a16b46b4d4144f79bdd9dd04a287c",
      40: "dfa66747de9ae63030ca32611497c827",
      64: "51f0bebf7e3b9d92fc49741779363cfe",
    };
    for (const [size, tag] of Object.entries(expected))
      assert.equal(hex(aesCmac(key, message.subarray(0, Number(size)))), tag);
  });

  it("body and MAC of a given report", () => {
    const body = encodeReportBody({
      cpuSvn: Buffer.from("05050c0fffffff000000000000000000", "hex"),
      miscSelect: 0,
      cetAttributes: 0,
      isvExtProdId: new Uint8Array(16),
      attributes: { flags: 5n, xfrm: 0xe7n },
      mrEnclave: Buffer.from("6430767e0d0598db63b5061820bf7513e71cea4bcb177cbb09d443e60d3bdac6", "hex"),
      mrSigner: Buffer.from("a292bc4a1d8d3caa7dd32d1858f7d642a27373526b84cde7df8634faad708d2a", "hex"),
      configId: new Uint8Array(64),
      isvProdId: 0x1234,
      isvSvn: 7,
      configSvn: 0,
      isvFamilyId: new Uint8Array(16),
      reportData: counting(64),
    });
    assert.equal(sha256(body), "5641abaeef57833473f43c80ac70b015fbbb7b10a6bc9531635e4f268236dd56");
    assert.equal(hex(computeReportMac(counting(16), body)), "b4263678580830c87b3bbe0500511bdf");
  });
});

describe("TARGETINFO and KEYREQUEST", () => {
  for (const [what, decode, places] of [
    ["TARGETINFO", decodeTargetInfo, [49, 56, 63, 128, 511]],
    ["KEYREQUEST", decodeKeyRequest, [6, 7, 78, 511]],
  ] as const) {
    it(`${what}: reserved bytes must be zero`, () => {
      for (const at of places) {
        const bytes = new Uint8Array(512);
        bytes[at] = 1;
        assert.throws(() => decode(bytes), { code: "ERR_SGX_RESERVED" }, String(at));
      }
    });
  }
});

describe("quote", () => {
  const read = (name: string): Buffer =>
    readFileSync(new URL(`../../../test/vectors/dcap/${name}.quote.bin`, import.meta.url));

  it("reads real ones: measurement, debug, chain", () => {
    const [first, second] = [decodeQuote(read("sgx-01")), decodeQuote(read("sgx-02"))];
    assert.equal(first.certificationData.type, 5);
    assert.match(Buffer.from(first.certificationData.data).toString(), /^-----BEGIN CERTIFICATE-----/u);
    assert.deepEqual([isDebug(first.reportBody), isDebug(second.reportBody)], [false, true]);
    assert.equal(first.signedBytes.length, 432);
  });

  it("is not encoded of parts of another size", () => {
    const quote = decodeQuote(read("sgx-01"));
    for (const part of ["signature", "attestationKey", "qeReportBytes", "qeReportSignature", "signedBytes"] as const)
      assert.throws(() => encodeQuoteV3({ ...quote, [part]: new Uint8Array(63) }), { code: "ERR_SGX_SIZE" });
    assert.throws(() => encodeQuoteV3({ ...quote, qeAuthData: new Uint8Array(0x10000) }), { code: "ERR_SGX_RANGE" });
  });

  it("reads those whose platform is only named, not certified", () => {
    assert.equal(decodeQuote(read("sgx-05-intel-sample")).certificationData.type, 1);
    const { type, data } = decodeQuote(read("parse-only-type3")).certificationData;
    assert.deepEqual([type, data.length], [3, 404]);
  });

  it("refuses TDX by version, and each cut", () => {
    assert.throws(() => decodeQuote(read("tdx-01")), { code: "ERR_QUOTE_VERSION" });
    const quote = read("syn-auth-empty");
    const size = 436 + quote.readUInt32LE(432);
    for (const length of [0, 47, 48, 431, 435, 436, 1019, size - 1]) {
      assert.throws(() => decodeQuote(quote.subarray(0, length)), { code: "ERR_QUOTE_FORMAT" });
    }
    assert.equal(decodeQuote(Buffer.concat([quote, Buffer.alloc(100)])).qeAuthData.length, 0);
  });
});

describe("parseCollateralBundle", () => {
  const text = readFileSync(new URL("../../../test/vectors/dcap/sgx-01.collateral.json", import.meta.url), "utf8");
  const bundle = JSON.parse(text) as Record<string, string>;

  it("takes lists of bytes for hexadecimal", () => {
    const lists = ["root_ca_crl", "pck_crl", "tcb_info_signature"].map((name) => {
      return [name, [...Buffer.from(bundle[name] ?? "", "hex")]];
    });
    const parsed = parseCollateralBundle({ ...bundle, ...Object.fromEntries(lists) }, "bundle");
    assert.equal(parsed.pck_crl, bundle["pck_crl"]?.toLowerCase());
    assert.equal(parsed.tcb_info_signature, bundle["tcb_info_signature"]?.toLowerCase());
  });

  it("takes lists of bytes for text where the member is text, and leaves out the NUL of C producers", () => {
    const names = ["tcb_info", "qe_identity", "tcb_info_issuer_chain", "pck_crl_issuer_chain"] as const;
    const lists = names.map((name) => [name, [...Buffer.from(`${bundle[name] ?? ""}\0`)]]);
    const ended = Object.entries(bundle).map(([name, value]) => [name, `${value}\0`]);
    for (const changed of [Object.fromEntries(lists), Object.fromEntries(ended)]) {
      const parsed = parseCollateralBundle({ ...bundle, ...changed }, "bundle");
      for (const name of names) assert.equal(parsed[name], bundle[name]);
      assert.equal(parsed.root_ca_crl, bundle["root_ca_crl"]);
    }
  });

  it("refuses other lists, numbers and a missing member", () => {
    for (const value of [[256], ["a"], [[1]], 7, undefined]) {
      assert.throws(() => parseCollateralBundle({ ...bundle, pck_crl: value }, "bundle"), {
        code: "ERR_COLLATERAL_FORMAT",
      });
    }
  });
});
