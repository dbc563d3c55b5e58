import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import { encodeCbor, tagEvidence } from "./cbor.ts";
import { decodeEvidenceMessage, encodeEvidenceMessage } from "./evidence-message.ts";

const quote = Uint8Array.of(1, 2, 3);
const claims = Uint8Array.of(4);

function refuses(bytes: Uint8Array, code: ErrorCode = "ERR_EVIDENCE_FORMAT"): void {
  assert.throws(
    () => decodeEvidenceMessage(bytes),
    (error) => isInclavareError(error, code),
  );
}

describe("encodeEvidenceMessage", () => {
  it("writes tag 60000 around quote and claims", () => {
    const bytes = encodeEvidenceMessage({ evidence: { format: "sgx-quote", quote }, claims });
    assert.equal(Buffer.from(bytes).toString("hex"), "d9ea6082430102034104");
  });
});

describe("decodeEvidenceMessage", () => {
  it("takes an empty claims buffer for none", () => {
    const { evidence, claims } = decodeEvidenceMessage(
      encodeEvidenceMessage({ evidence: { format: "sgx-quote", quote } }),
    );
    assert.deepEqual(evidence.quote, quote);
    assert.equal(claims, undefined);
  });

  it("keeps an SEV-SNP report apart from quotes, with its endorsements", () => {
    const evidence = { format: "snp-report", quote, endorsements: "-----BEGIN CERTIFICATE-----" } as const;
    assert.deepEqual(decodeEvidenceMessage(encodeEvidenceMessage({ evidence, claims })), { evidence, claims });
  });

  it("tells a TDX quote from an SGX quote", () => {
    const td = Uint8Array.of(4, 0, 2, 0, 0x81, 0, 0, 0);
    for (const [format, quote] of [
      ["tdx-quote", td],
      ["sgx-quote", Uint8Array.of(3, 0, 2, 0)],
    ] as const) {
      const { evidence } = decodeEvidenceMessage(encodeEvidenceMessage({ evidence: { format, quote } }));
      assert.equal(evidence.format, format);
    }
  });

  it("refuses a map without anything beside the evidence", () => {
    refuses(encodeCbor(new Map([["evidence", tagEvidence({ form: "quote", evidence: quote, claims })]])));
  });

  it("refuses a local report with the reason", () => {
    refuses(Uint8Array.from([0xd9, 0xea, 0x61, 0x82, 0x40, 0x40]), "ERR_EVIDENCE_UNSUPPORTED");
  });

  it("refuses another tag", () => refuses(Uint8Array.from([0xd9, 0xea, 0x63, 0x82, 0x40, 0x40])));
  it("refuses a third element", () => refuses(Uint8Array.from([0xd9, 0xea, 0x60, 0x83, 0x40, 0x40, 0x40])));
  it("refuses text in place of bytes", () => refuses(Uint8Array.from([0xd9, 0xea, 0x60, 0x82, 0x60, 0x40])));
  it("refuses a map with a further entry", () => {
    const tagged = tagEvidence({ form: "quote", evidence: quote, claims });
    refuses(encodeCbor(new Map(Object.entries({ evidence: tagged, collateral: Buffer.from("{}"), more: 1 }))));
  });
  it("refuses collateral that is not JSON", () => {
    const tagged = tagEvidence({ form: "quote", evidence: quote, claims });
    refuses(encodeCbor(new Map(Object.entries({ evidence: tagged, collateral: Buffer.from("{") }))));
  });
  it("refuses collateral that lacks a member", () => {
    const tagged = tagEvidence({ form: "quote", evidence: quote, claims });
    const bytes = encodeCbor(new Map(Object.entries({ evidence: tagged, collateral: Buffer.from("{}") })));
    refuses(bytes, "ERR_COLLATERAL_FORMAT");
  });
  it("refuses more than 1 MiB", () => refuses(new Uint8Array((1 << 20) + 1)));
});
