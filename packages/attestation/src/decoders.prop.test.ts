/**
 * Every decoder of evidence and of what comes with it: whatever the bytes, it gives a value or an error with a code, and
 * it says no to more bytes than its limit. For a night each gets a million inputs (`npm run fuzz`).
 */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { decodeQuote, parseCollateralBundle } from "@inclavare/sgx";
import { fromPem, parseCertificate, parseCrl, readDer } from "@inclavare/x509";
import fc from "fast-check";
import { mutate } from "../test/mutate.ts";
import { ecKey, legacyPsaToken, psaToken } from "../test/token-world.ts";
import { readCollateral, readData } from "../test/vectors.ts";
import { createWorld } from "../test/world.ts";
import { VerificationCache } from "./cache.ts";
import { openCarrier } from "./carrier.ts";
import { decodeCcaToken } from "./cca/decode.ts";
import { decodeClaims, encodeClaims, hashPublicKey } from "./claims.ts";
import { decodePublicKey, decodeSign1 } from "./cose/sign1.ts";
import { verifyChain } from "./dcap/chain.ts";
import { readPckExtensions } from "./dcap/pck-extensions.ts";
import { parseQeIdentity } from "./dcap/qe-identity.ts";
import { parseTcbInfo } from "./dcap/tcb-info.ts";
import { endorsementToPem } from "./endorsement-file.ts";
import { decodeEvidenceMessage, encodeEvidenceMessage } from "./evidence-message.ts";
import { decodeNitroDocument } from "./nitro/decode.ts";
import { decodePsaToken } from "./psa/decode.ts";
import { decodeSgxQuote } from "./sgx/decode.ts";
import { decodeSnpReport } from "./snp/decode.ts";
import { parseEndorsements } from "./snp/endorsements.ts";
import { decodeTdxQuote } from "./tdx/decode.ts";
import { trustAnchorsFromPem } from "./trust-anchors.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 400);
const KIB = 1024;
const MIB = 1024 * KIB;
const key = ecKey("P-256");
const world = createWorld();
const collateral = readCollateral("sgx-01.collateral.json");
const message = encodeEvidenceMessage({
  evidence: { format: "sgx-quote", quote: world.quote, collateral: world.collateral },
  claims: encodeClaims({ pubkeyHash: hashPublicKey(Buffer.from("key")) }),
});
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const utf8 = (content: string): Uint8Array => Buffer.from(content, "utf8");
const [pckLeaf = new Uint8Array()] = fromPem(world.pckChain, "CERTIFICATE", "chain");

interface Decoder {
  readonly what: string;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly valid: Uint8Array;
  /** The most bytes that it looks at; left out: it is only given what another decoder has bounded. */
  readonly limit?: number;
}

const DECODERS: readonly Decoder[] = [
  { what: "an SGX quote", decode: decodeSgxQuote, valid: readData("sgx-01.quote.bin"), limit: MIB },
  { what: "a quote of any body", decode: decodeQuote, valid: world.quote, limit: MIB },
  { what: "a TDX quote, version 4", decode: decodeTdxQuote, valid: readData("tdx-01.quote.bin"), limit: MIB },
  { what: "a TDX quote, version 5", decode: decodeTdxQuote, valid: readData("tdx-02.quote.bin"), limit: MIB },
  { what: "an SEV-SNP report", decode: decodeSnpReport, valid: readData("snp/genoa-v3-a.report.bin"), limit: 1184 },
  {
    what: "endorsements",
    decode: (bytes) => parseEndorsements(text(bytes)),
    valid: readData("snp/chain-milan.pem"),
    limit: 16 * MIB,
  },
  {
    what: "a file of endorsements",
    decode: (bytes) => endorsementToPem(bytes, "file"),
    valid: readData("snp/milan-v2-b.vek.der"),
    limit: 16 * MIB,
  },
  {
    what: "a guest's certificate table",
    decode: (bytes) => endorsementToPem(bytes, "file"),
    valid: certificateTable(),
  },
  { what: "a CCA token", decode: decodeCcaToken, valid: readData("cca/cca_token.cbor"), limit: 128 * KIB },
  { what: "a PSA token", decode: decodePsaToken, valid: psaToken({}, key), limit: 64 * KIB },
  { what: "a PSA token of the profile before", decode: decodePsaToken, valid: legacyPsaToken(key), limit: 64 * KIB },
  {
    what: "a COSE message",
    decode: (bytes) => decodeSign1(bytes, "message"),
    valid: psaToken({}, key),
    limit: 64 * KIB,
  },
  {
    what: "a public key",
    decode: (bytes) => decodePublicKey(bytes, "key"),
    valid: coseKey(),
    limit: KIB,
  },
  { what: "a Nitro document", decode: decodeNitroDocument, valid: readData("nitro/nitro-a.cose"), limit: 64 * KIB },
  { what: "a carrier", decode: openCarrier, valid: readData("ratls/gramine-cert.pem"), limit: MIB },
  { what: "an evidence message", decode: decodeEvidenceMessage, valid: message, limit: MIB },
  {
    what: "claims",
    decode: decodeClaims,
    valid: encodeClaims({ pubkeyHash: hashPublicKey(Buffer.from("key")), nonce: new Uint8Array(32), purpose: "nonce" }),
    limit: 64 * KIB,
  },
  { what: "TCB Info", decode: (bytes) => parseTcbInfo(text(bytes)), valid: utf8(collateral.tcb_info), limit: MIB },
  {
    what: "TCB Info, version 2",
    decode: (bytes) => parseTcbInfo(text(bytes)),
    valid: utf8(readCollateral("sgx-03.collateral.json").tcb_info),
    limit: MIB,
  },
  {
    what: "QE Identity",
    decode: (bytes) => parseQeIdentity(text(bytes)),
    valid: utf8(collateral.qe_identity),
    limit: MIB,
  },
  {
    what: "a chain",
    decode: (bytes) =>
      verifyChain("pck-crl", text(bytes), {
        code: "ERR_COLLATERAL_CHAIN",
        cache: new VerificationCache(),
        anchors: [],
      }),
    valid: utf8(collateral.pck_crl_issuer_chain),
    limit: 64 * KIB,
  },
  {
    what: "a collateral bundle",
    decode: (bytes) => parseCollateralBundle(jsonOf(bytes), "bundle"),
    valid: readData("sgx-01.collateral.json"),
  },
  { what: "trust anchors", decode: (bytes) => trustAnchorsFromPem(text(bytes)), valid: utf8(world.rootPem) },
  { what: "a certificate", decode: (bytes) => parseCertificate(bytes), valid: pckLeaf, limit: 16 * MIB },
  {
    what: "the SGX extensions of a certificate",
    decode: (bytes) => readPckExtensions(parseCertificate(bytes)),
    valid: pckLeaf,
  },
  {
    what: "a revocation list",
    decode: (bytes) => parseCrl(bytes),
    valid: Buffer.from(readCollateral("tdx-04.collateral.json").pck_crl, "hex"),
    limit: 16 * MIB,
  },
  { what: "DER", decode: (bytes) => readDer(bytes), valid: pckLeaf, limit: 16 * MIB },
  { what: "PEM", decode: (bytes) => fromPem(text(bytes), "CERTIFICATE", "text"), valid: utf8(world.pckChain) },
];

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(text(bytes));
  } catch {
    return text(bytes);
  }
}

/** Of type EC2, on P-256. */
function coseKey(): Uint8Array {
  const { x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  const [head, middle] = [Buffer.from("a401022001215820", "hex"), Buffer.from("225820", "hex")];
  return Buffer.concat([head, Buffer.from(x, "base64url"), middle, Buffer.from(y, "base64url")]);
}

/** One entry, the end, and the certificate. */
function certificateTable(): Uint8Array {
  const entry = Buffer.alloc(48);
  Buffer.from("63da758de6644564adc5f4b93be8accd", "hex").copy(entry);
  entry.writeUInt32LE(48, 16);
  const certificate = readData("snp/milan-v2-b.vek.der");
  entry.writeUInt32LE(certificate.length, 20);
  return Buffer.concat([entry, certificate]);
}

function assertCoded(decode: Decoder["decode"], bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    assert.ok(isInclavareError(error), String(error));
  }
}

describe("laws of decoders", () => {
  for (const { what, decode, valid, limit } of DECODERS) {
    it(`any bytes give ${what} or an InclavareError`, () => {
      assert.ok(decode(valid));
      fc.assert(
        fc.property(fc.nat(0xffff_ffff), (seed) => assertCoded(decode, mutate(valid, seed))),
        { numRuns },
      );
    });

    if (limit === undefined) continue;
    it(`more than ${limit} bytes are no ${what.replace(/^an? /u, "")}`, () => {
      const grown = Buffer.concat([valid], limit + 1);
      // As its own first bytes have it, as white space where it is text, and as the deepest nesting that its bytes can be.
      for (const bytes of [grown, Buffer.from(grown).fill(0x20, valid.length), Buffer.alloc(limit + 1, 0x81)]) {
        assert.throws(
          () => decode(bytes),
          (error) => isInclavareError(error),
        );
      }
    });
  }
});

describe("the worst that fits a limit", () => {
  for (const [what, bytes] of [
    ["arrays in arrays", Buffer.alloc(64 * KIB, 0x81)],
    ["maps in maps", Buffer.alloc(64 * KIB, 0xa1)],
    ["indefinite arrays in arrays", Buffer.alloc(64 * KIB, 0x9f)],
    ["tags upon tags", Buffer.alloc(64 * KIB, 0xd2)],
    ["empty values", Buffer.concat([Buffer.from("99ffff", "hex"), Buffer.alloc(0xffff, 0xf6)])],
    ["sequences in sequences", Buffer.from("3080".repeat(32 * KIB), "hex")],
    ["many empty values", Buffer.concat([Buffer.from("30840100000", "hex"), Buffer.alloc(MIB, 0x05)])],
    ["the beginnings of PEM blocks", Buffer.from("-----BEGIN CERTIFICATE-----\n".repeat(2000))],
    ["dashes", Buffer.alloc(MIB, "-")],
    ["quotation marks and backslashes", Buffer.alloc(MIB, '\\"')],
    ["brackets", Buffer.alloc(MIB, "[")],
  ] as const) {
    it(`${what} end every decoder with a code`, () => {
      for (const { decode } of DECODERS) assertCoded(decode, bytes);
    });
  }
});
