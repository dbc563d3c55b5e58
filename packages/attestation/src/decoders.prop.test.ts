import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { legacyPsaToken, psaToken, ecKey } from "../test/token-world.ts";
import { readData } from "../test/vectors.ts";
import { openCarrier } from "./carrier.ts";
import { decodeCcaToken } from "./cca/decode.ts";
import { decodePublicKey, decodeSign1 } from "./cose/sign1.ts";
import { endorsementToPem } from "./endorsement-file.ts";
import { decodeNitroDocument } from "./nitro/decode.ts";
import { decodePsaToken } from "./psa/decode.ts";
import { decodeSgxQuote } from "./sgx/decode.ts";
import { decodeSnpReport } from "./snp/decode.ts";
import { parseEndorsements } from "./snp/endorsements.ts";
import { decodeTdxQuote } from "./tdx/decode.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const key = ecKey("P-256");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Each decoder with bytes that it takes. */
const DECODERS: readonly (readonly [string, (bytes: Uint8Array) => unknown, Uint8Array])[] = [
  ["an SGX quote", decodeSgxQuote, readData("sgx-01.quote.bin")],
  ["a TDX quote, version 4", decodeTdxQuote, readData("tdx-01.quote.bin")],
  ["a TDX quote, version 5", decodeTdxQuote, readData("tdx-02.quote.bin")],
  ["an SEV-SNP report", decodeSnpReport, readData("snp/genoa-v3-a.report.bin")],
  ["endorsements", (bytes) => parseEndorsements(text(bytes)), readData("snp/chain-milan.pem")],
  ["a file of endorsements", (bytes) => endorsementToPem(bytes, "file"), readData("snp/milan-v2-b.vek.der")],
  ["a CCA token", decodeCcaToken, readData("cca/cca_token.cbor")],
  ["a PSA token", decodePsaToken, psaToken({}, key)],
  ["a PSA token of the profile before", decodePsaToken, legacyPsaToken(key)],
  ["a COSE message", (bytes) => decodeSign1(bytes, "message"), psaToken({}, key)],
  ["a public key", (bytes) => decodePublicKey(bytes, "key"), Buffer.from("a4010220022158200102", "hex")],
  ["a Nitro document", decodeNitroDocument, readData("nitro/nitro-a.cose")],
  ["a carrier", openCarrier, readData("ratls/gramine-cert.pem")],
];

describe("laws of decoders", () => {
  for (const [what, decode, valid] of DECODERS) {
    it(`any bytes give ${what} or an InclavareError`, () => {
      const change = fc.tuple(fc.nat(valid.length - 1), fc.uint8Array({ maxLength: 3 }));
      const altered = fc
        .tuple(
          fc.array(change, { maxLength: 3 }),
          fc.oneof({ weight: 3, arbitrary: fc.constant(valid.length) }, fc.nat(valid.length)),
        )
        .map(([changes, length]) => {
          const bytes = Uint8Array.from(valid.subarray(0, length));
          for (const [at, patch] of changes) if (at + patch.length <= length) bytes.set(patch, at);
          return bytes;
        });
      const arbitrary = fc.oneof({ weight: 4, arbitrary: altered }, fc.uint8Array({ maxLength: 1300 }));
      fc.assert(
        fc.property(arbitrary, (bytes) => {
          try {
            decode(bytes);
          } catch (error) {
            assert.ok(isInclavareError(error), String(error));
          }
        }),
        { numRuns },
      );
    });
  }
});
