import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { CLAIM_PURPOSES, CLAIM_ROLES, type Claims, decodeClaims, encodeClaims } from "./claims.ts";
import { decodeEvidenceMessage, encodeEvidenceMessage } from "./evidence-message.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);

const bytes = (least: number, most: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: least, maxLength: most });

const plain = { noNullPrototype: true } as const;

const publicKeyHash = fc.oneof(
  fc.record({ algorithm: fc.constant("sha-256" as const), value: bytes(32, 32) }, plain),
  fc.record({ algorithm: fc.constant("sha-384" as const), value: bytes(48, 48) }, plain),
  fc.record({ algorithm: fc.constant("sha-512" as const), value: bytes(64, 64) }, plain),
);

const claims: fc.Arbitrary<Claims> = fc.record(
  {
    pubkeyHash: publicKeyHash,
    nonce: bytes(1, 64),
    purpose: fc.constantFrom(...CLAIM_PURPOSES),
    role: fc.constantFrom(...CLAIM_ROLES),
    exporter: bytes(32, 32),
    ownLeaf: bytes(32, 32),
    peerLeaf: bytes(32, 32),
    workload: fc.string({ minLength: 1, maxLength: 100, unit: "grapheme" }),
    application: bytes(0, 300),
  },
  { requiredKeys: ["pubkeyHash"], noNullPrototype: true },
);

describe("laws of claims", () => {
  it("decode(encode(claims)) = claims", () => {
    fc.assert(
      fc.property(claims, (value) => assert.deepEqual(decodeClaims(encodeClaims(value)), value)),
      { numRuns },
    );
  });

  it("any bytes give claims or an InclavareError", () => {
    fc.assert(
      fc.property(bytes(0, 200), (input) => resultOrError(() => decodeClaims(input))),
      { numRuns },
    );
  });

  it("any change of valid bytes gives claims or an InclavareError", () => {
    fc.assert(
      fc.property(claims, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, place, mask) => {
        const input = encodeClaims(value);
        const at = place % input.length;
        input[at] = (input[at] ?? 0) ^ mask;
        resultOrError(() => decodeClaims(input));
      }),
      { numRuns },
    );
  });
});

/** The TEE type of a quote's header (bytes 4 to 7) decides the format that a decoded message has. */
function isNotTdx(quote: Uint8Array): boolean {
  return quote[4] !== 0x81;
}

describe("laws of evidence messages", () => {
  const text = fc.string({ maxLength: 60 });
  const collateral = fc.record(
    {
      pck_crl_issuer_chain: text,
      root_ca_crl: text,
      pck_crl: text,
      tcb_info_issuer_chain: text,
      tcb_info: text,
      tcb_info_signature: text,
      qe_identity_issuer_chain: text,
      qe_identity: text,
      qe_identity_signature: text,
      pck_certificate_chain: text,
    },
    {
      requiredKeys: [
        "tcb_info",
        "qe_identity",
        "pck_crl",
        "root_ca_crl",
        "tcb_info_signature",
        "qe_identity_signature",
      ],
    },
  );

  it("decode(encode(message)) = message", () => {
    const complete = collateral.map((bundle) => ({
      pck_crl_issuer_chain: "",
      tcb_info_issuer_chain: "",
      qe_identity_issuer_chain: "",
      ...bundle,
    }));
    const evidence = fc.record(
      { format: fc.constant("sgx-quote" as const), quote: bytes(0, 200).filter(isNotTdx), collateral: complete },
      { requiredKeys: ["format", "quote"], noNullPrototype: true },
    );
    const message = fc.record(
      { evidence, claims: bytes(1, 100) },
      { requiredKeys: ["evidence"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(message, (value) => assert.deepEqual(decodeEvidenceMessage(encodeEvidenceMessage(value)), value)),
      { numRuns },
    );
  });

  it("any bytes give a message or an InclavareError", () => {
    const start = fc.constantFrom([], [0xd9, 0xea, 0x60, 0x82], [0xa2, 0x68]);
    fc.assert(
      fc.property(start, bytes(0, 100), (head, tail) =>
        resultOrError(() => decodeEvidenceMessage(Uint8Array.from([...head, ...tail]))),
      ),
      { numRuns },
    );
  });
});

function resultOrError(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    assert.ok(isInclavareError(error), String(error));
  }
}
