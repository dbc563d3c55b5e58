import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { encodeCbor } from "./cbor.ts";
import { type Claims, decodeClaims, encodeClaims, hashPublicKey, reportDataFor } from "./claims.ts";

const pubkeyHash = { algorithm: "sha-256", value: new Uint8Array(32).fill(7) } as const;

function refuses(bytes: Uint8Array): void {
  assert.throws(
    () => decodeClaims(bytes),
    (error) => isInclavareError(error, "ERR_CLAIMS_FORMAT"),
  );
}

function buffer(entries: Readonly<Record<string, unknown>>): Uint8Array {
  return encodeCbor(new Map(Object.entries(entries)));
}

const keyClaim = encodeCbor([1, pubkeyHash.value]);

describe("encodeClaims", () => {
  it("writes the form of Interoperable RA-TLS", () => {
    const bytes = Buffer.from(encodeClaims({ pubkeyHash }));
    assert.equal(bytes.toString("hex"), `a16b7075626b65792d68617368582482015820${"07".repeat(32)}`);
    assert.equal(bytes.length, 51);
  });

  it("gives the same bytes whatever the order of the members", () => {
    const a: Claims = { pubkeyHash, nonce: Uint8Array.of(1), role: "client", purpose: "session" };
    const b: Claims = { purpose: "session", role: "client", nonce: Uint8Array.of(1), pubkeyHash };
    assert.deepEqual(encodeClaims(a), encodeClaims(b));
  });

  it("reads back every claim", () => {
    const claims: Claims = {
      pubkeyHash: hashPublicKey(Buffer.from("key"), "sha-384"),
      nonce: new Uint8Array(32),
      purpose: "nonce",
      role: "server",
      exporter: new Uint8Array(32).fill(1),
      ownLeaf: new Uint8Array(32).fill(2),
      peerLeaf: new Uint8Array(32).fill(3),
      workload: "größe/1",
      application: new Uint8Array(0),
      others: new Map([["custom", Uint8Array.of(9)]]),
    };
    assert.deepEqual(decodeClaims(encodeClaims(claims)), claims);
  });

  it("refuses to write what it would not read", () => {
    assert.throws(
      () => encodeClaims({ pubkeyHash, nonce: new Uint8Array(65) }),
      (error) => isInclavareError(error, "ERR_CLAIMS_FORMAT"),
    );
  });
});

describe("decodeClaims", () => {
  it("refuses a buffer without pubkey-hash", () => refuses(buffer({ nonce: Uint8Array.of(1) })));
  it("refuses an empty buffer", () => refuses(new Uint8Array(0)));
  it("refuses trailing bytes", () => refuses(Buffer.concat([encodeClaims({ pubkeyHash }), Buffer.from([0])])));
  it("refuses another type than a map", () => refuses(encodeCbor([1, 2])));
  it("refuses a value that is not bytes", () => refuses(buffer({ "pubkey-hash": keyClaim, nonce: "text" })));
  it("refuses a key that is not text", () => refuses(encodeCbor(new Map([[1, keyClaim]]))));
  it("refuses an unknown purpose", () => refuses(buffer({ "pubkey-hash": keyClaim, purpose: Buffer.from("fun") })));
  it("refuses a workload that is not UTF-8", () => {
    refuses(buffer({ "pubkey-hash": keyClaim, workload: Uint8Array.of(0xff) }));
  });
  it("refuses an exporter of 31 bytes", () => {
    refuses(buffer({ "pubkey-hash": keyClaim, exporter: new Uint8Array(31) }));
  });
  it("refuses an unknown hash algorithm", () => {
    refuses(buffer({ "pubkey-hash": encodeCbor([2, pubkeyHash.value]) }));
  });
  it("refuses a hash of the wrong length", () => refuses(buffer({ "pubkey-hash": encodeCbor([7, pubkeyHash.value]) })));
  it("refuses the same claim twice", () => {
    const [, ...entry] = encodeClaims({ pubkeyHash });
    refuses(Uint8Array.from([0xa2, ...entry, ...entry]));
  });
  it("refuses indefinite lengths", () => {
    const [, ...entry] = encodeClaims({ pubkeyHash });
    refuses(Uint8Array.from([0xbf, ...entry, 0xff]));
  });
  it("refuses more than 64 KiB", () => {
    refuses(buffer({ "pubkey-hash": keyClaim, application: new Uint8Array(70_000) }));
  });
  it("refuses arrays nested a hundred thousandfold", () => refuses(new Uint8Array(60_000).fill(0x81)));
});

describe("reportDataFor", () => {
  it("is the SHA-256 of the exact bytes, then zeros", () => {
    const reportData = Buffer.from(reportDataFor(Buffer.from("claims")));
    const digest = createHash("sha256").update("claims").digest();
    assert.equal(reportData.toString("hex"), `${digest.toString("hex")}${"00".repeat(32)}`);
  });
});
