import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { readData } from "../test/vectors.ts";
import { encodeEvidenceMessage } from "./evidence-message.ts";
import { recognise } from "./recognise.ts";

describe("recognise", () => {
  for (const [name, kind] of [
    ["sgx-01.quote.bin", "quote"],
    ["tdx-01.quote.bin", "quote"],
    ["tdx-02.quote.bin", "quote"],
    ["snp/milan-v2-b.report.bin", "report"],
    ["ratls/gramine-cert.pem", "certificate"],
  ] as const) {
    it(`takes ${name} for a ${kind}`, () => assert.equal(recognise(readData(name)), kind));
  }

  it("takes an evidence message for one, with and without collateral", () => {
    const quote = readData("sgx-01.quote.bin");
    const collateral = JSON.parse(Buffer.from(readData("sgx-01.collateral.json")).toString());
    assert.equal(recognise(encodeEvidenceMessage({ evidence: { format: "sgx-quote", quote } })), "evidence-message");
    const evidence = { format: "sgx-quote", quote, collateral } as const;
    assert.equal(recognise(encodeEvidenceMessage({ evidence })), "evidence-message");
  });

  it("takes DER for a certificate", () => {
    const pem = Buffer.from(readData("ratls/gramine-cert.pem")).toString();
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----/gu, ""), "base64");
    assert.equal(recognise(der), "certificate");
  });

  it("refuses a short quote, text and nothing with ERR_EVIDENCE_FORMAT", () => {
    for (const bytes of [readData("sgx-01.quote.bin").subarray(0, 1019), Buffer.from("hello"), new Uint8Array(0)]) {
      assert.throws(
        () => recognise(bytes),
        (error) => isInclavareError(error, "ERR_EVIDENCE_FORMAT"),
      );
    }
  });
});
