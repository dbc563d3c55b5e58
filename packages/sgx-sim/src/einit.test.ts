import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import {
  ATTRIBUTE_FLAG,
  createSigstruct,
  generateSigningKey,
  Measurement,
  mrSigner,
  type SigningFields,
  sigstructBody,
} from "@inclavare/sgx";
import fc from "fast-check";
import { einit, type LaunchRequest, type Secs } from "./einit.ts";

const signer = generateSigningKey();
const measurement = Measurement.create({ sizeBytes: 0x2000, ssaFrameSize: 1 });
const base = {
  mrEnclave: measurement.digest(),
  isvProdId: 3,
  isvSvn: 4,
  date: new Date("2026-01-01"),
} satisfies SigningFields;
const all = BigInt.asUintN(64, -1n);
const { mode64Bit, kss, cet, provisionKey, einitTokenKey, init } = ATTRIBUTE_FLAG;

function launch(fields: Partial<SigningFields>, options: Partial<LaunchRequest> = {}): Secs {
  return einit({ measurement, debug: false, sigstruct: createSigstruct({ ...base, ...fields }, signer), ...options });
}

describe("EINIT", () => {
  it("takes identity from signature and measurement, and sets INIT", () => {
    const secs = launch({});
    assert.deepEqual(secs.mrSigner, mrSigner(signer));
    assert.deepEqual([secs.isvProdId, secs.isvSvn], [3, 4]);
    assert.deepEqual(secs.attributes, { flags: init | mode64Bit, xfrm: 3n });
  });

  it("gives the signer's XFRM, as far as the CPU has it and the mask leaves it open", () => {
    assert.equal(launch({ attributes: { flags: mode64Bit, xfrm: 7n } }).attributes.xfrm, 7n);
    const amx = { flags: mode64Bit, xfrm: 0x60007n };
    const open = { flags: all, xfrm: all & ~0x60000n };
    assert.equal(launch({ attributes: amx, attributesMask: open }).attributes.xfrm, 7n);
    assert.throws(() => launch({ attributes: amx }), { code: "ERR_SGX_INVALID_ATTRIBUTE" });
  });

  it("leaves DEBUG to the loader where the mask is open", () => {
    const attributesMask = { flags: all & ~ATTRIBUTE_FLAG.debug, xfrm: all };
    for (const debug of [true, false]) {
      const { flags } = launch({ attributesMask }, { debug }).attributes;
      assert.equal((flags & ATTRIBUTE_FLAG.debug) !== 0n, debug);
    }
  });

  it("shows family and extended product id of KSS enclaves only", () => {
    const isvFamilyId = new Uint8Array(16).fill(5);
    for (const [flags, expected] of [
      [mode64Bit, new Uint8Array(16)],
      [mode64Bit | kss, isvFamilyId],
    ] as const) {
      const body = { ...sigstructBody({ ...base, attributes: { flags, xfrm: 3n } }), isvFamilyId };
      const secs = einit({ measurement, debug: false, sigstruct: createSigstruct(body, signer) });
      assert.deepEqual(secs.isvFamilyId, expected);
    }
  });

  for (const [what, fields] of [
    ["a reserved flag", { attributes: { flags: mode64Bit | (1n << 3n), xfrm: 3n } }],
    ["a reserved XFRM bit", { attributes: { flags: mode64Bit, xfrm: 3n | (1n << 8n) } }],
    ["a mask without the reserved flags", { attributesMask: { flags: 0xffn & ~(1n << 3n), xfrm: all } }],
    ["a mask without the reserved XFRM bits", { attributesMask: { flags: all, xfrm: 3n } }],
    ["CET", { attributes: { flags: mode64Bit | cet, xfrm: 3n } }],
    ["a provisioning key", { attributes: { flags: mode64Bit | provisionKey, xfrm: 3n } }],
    ["a launch key", { attributes: { flags: mode64Bit | einitTokenKey, xfrm: 3n } }],
    ["MISCSELECT", { miscSelect: 1 }],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => launch(fields), { code: "ERR_SGX_INVALID_ATTRIBUTE" }));
  }

  it("refuses a CET attribute, unless its mask leaves it open", () => {
    const body = { ...sigstructBody(base), cetAttributes: 1 };
    const start = (cetAttributesMask: number): Secs =>
      einit({ measurement, debug: false, sigstruct: createSigstruct({ ...body, cetAttributesMask }, signer) });
    assert.throws(() => start(0xff), { code: "ERR_SGX_INVALID_ATTRIBUTE" });
    assert.equal(start(0xfe).isvSvn, 4);
  });

  it("gives the platform's own enclaves the provisioning keys", () => {
    const attributes = { flags: mode64Bit | provisionKey, xfrm: 3n };
    const { flags } = launch({ attributes }, { privileged: true }).attributes;
    assert.equal((flags & provisionKey) !== 0n, true);
  });

  it("lets in nothing else: any bytes, and any change to a SIGSTRUCT, are refused with a code", () => {
    const good = createSigstruct(base, signer);
    const refuses = (sigstruct: Uint8Array): void =>
      assert.throws(
        () => einit({ measurement, debug: false, sigstruct }),
        (error) => isInclavareError(error),
      );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), refuses));
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = Uint8Array.from(good);
        altered[at] = (altered[at] ?? 0) ^ change;
        refuses(altered);
      }),
    );
  });
});
