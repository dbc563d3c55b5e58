import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "@inclavare/errors";
import { derSequence } from "@inclavare/x509";
import {
  builtinTrustAnchors,
  DEFAULT_POLICY,
  exitCodeOf,
  type Policy,
  trustAnchorsFromPem,
  type Verdict,
  verifyEvidence,
  type VerifyEvidenceInput,
} from "../src/index.ts";
import {
  CCA_CHALLENGE,
  type CcaOptions,
  ccaToken,
  ecKey,
  legacyPsaToken,
  nitroDocument,
  type NitroOptions,
  point,
  PSA_NONCE,
  psaToken,
  publicPem,
  type SignOptions,
  TOKEN_NOW,
} from "./token-world.ts";
import { readData } from "./vectors.ts";

function verify(bytes: Uint8Array, pem: string | undefined, change: Partial<VerifyEvidenceInput> = {}): Verdict {
  const trustAnchors = pem === undefined ? builtinTrustAnchors() : trustAnchorsFromPem(pem);
  return verifyEvidence({ bytes, trustAnchors, now: TOKEN_NOW, allow: [], evidenceOnly: true, ...change });
}

function failures(verdict: Verdict): readonly (readonly [string, ErrorCode | undefined])[] {
  return verdict.checks.filter(({ result }) => result === "failed").map(({ check, code }) => [check, code]);
}

function policyOf(reference: object, change: Partial<Policy> = {}): Partial<VerifyEvidenceInput> {
  const policy = { ...DEFAULT_POLICY, referenceValues: [{ ...reference, source: "the test" }], ...change };
  return { policy, allow: ["simulated"], evidenceOnly: false };
}

describe("the recorded CCA token", () => {
  const bytes = readData("cca/cca_token.cbor");
  const pem = Buffer.from(readData("cca/cca_platform.pub")).toString();

  it("is verified with its platform's key", () => {
    const verdict = verify(bytes, pem);
    assert.deepEqual([exitCodeOf(verdict), failures(verdict), verdict.tee], [6, [], "simulated"]);
    assert.equal(verdict.measurement?.tee, "cca");
    assert.equal(verdict.claims["cca-platform-lifecycle state"], "secured");
  });

  it("misses the key, and refuses another one", () => {
    assert.deepEqual(failures(verify(bytes, undefined)), [["platform-signature", "ERR_COLLATERAL_MISSING"]]);
    const other = verify(bytes, publicPem(ecKey()));
    assert.deepEqual([exitCodeOf(other), failures(other)], [3, [["platform-signature", "ERR_TOKEN_SIGNATURE"]]]);
  });
});

describe("examineCcaToken", () => {
  const realmKey = ecKey();
  for (const [what, options] of [
    ["the first profile", {}],
    ["the newer collection", { collectionTag: 907 }],
    ["a realm key in a COSE_Key", { collectionTag: 907, keyForm: "cose-key" }],
    ["a platform key on P-256", { platformKey: ecKey("P-256") }],
    ["a platform key on P-521", { platformKey: ecKey("P-521") }],
    [
      "measurements of SHA-512",
      { realm: { 44238: Buffer.alloc(64), 44239: [1, 2, 3, 4].map(() => Buffer.alloc(64)) } },
    ],
  ] as readonly (readonly [string, CcaOptions])[]) {
    it(`verifies ${what}`, () => {
      const { token, platformKey } = ccaToken(options);
      assert.deepEqual(failures(verify(token, publicPem(platformKey))), []);
    });
  }

  const offCurve = Buffer.from(point(realmKey));
  offCurve[50] = (offCurve[50] ?? 0) ^ 1;
  for (const [what, options, check, code] of [
    ["a realm token of another key", { publicKeyBytes: point(ecKey()) }, "realm-signature", "ERR_TOKEN_SIGNATURE"],
    [
      "a platform token for another realm",
      { platform: { 10: Buffer.alloc(32) } },
      "realm-key-binding",
      "ERR_REALM_KEY",
    ],
    ["an unknown hash", { realm: { 44240: "md5" } }, "realm-key-binding", "ERR_REALM_KEY"],
    ["a point off its curve", { publicKeyBytes: offCurve }, "token-format", "ERR_EVIDENCE_FORMAT"],
    ["a point of no curve", { publicKeyBytes: Buffer.alloc(70, 4) }, "token-format", "ERR_EVIDENCE_FORMAT"],
    ["a short challenge", { realm: { 10: Buffer.alloc(32) } }, "token-format", "ERR_EVIDENCE_FORMAT"],
    ["a missing measurement", { realm: { 44238: undefined } }, "token-format", "ERR_EVIDENCE_FORMAT"],
    [
      "three extensible measurements",
      { realm: { 44239: [1, 2, 3].map(() => Buffer.alloc(32)) } },
      "token-format",
      "ERR_EVIDENCE_FORMAT",
    ],
    [
      "an instance id of another type",
      { platform: { 256: Buffer.alloc(33, 2) } },
      "token-format",
      "ERR_EVIDENCE_FORMAT",
    ],
    ["no software components", { platform: { 2399: [] } }, "token-format", "ERR_EVIDENCE_FORMAT"],
    ["a lifecycle that is no number", { platform: { 2395: "secured" } }, "token-format", "ERR_EVIDENCE_FORMAT"],
    ["an unknown platform profile", { platform: { 265: "tag:example" } }, "token-format", "ERR_EVIDENCE_UNSUPPORTED"],
    ["an unknown realm profile", { realm: { 265: "tag:example" } }, "token-format", "ERR_EVIDENCE_UNSUPPORTED"],
  ] as readonly (readonly [string, CcaOptions, string, ErrorCode])[]) {
    it(`refuses ${what}`, () => {
      const { token, platformKey } = ccaToken({ realmKey, ...options });
      const verdict = verify(token, publicPem(platformKey));
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)[0]], [3, [check, code]]);
    });
  }

  it("appraises realm, platform and challenge", () => {
    const { token, platformKey } = ccaToken();
    const reference = {
      rim: "11".repeat(32),
      implementationId: "44".repeat(32),
      softwareMeasurements: ["11".repeat(32)],
    };
    const judge = (change: object): Verdict => {
      return verify(token, publicPem(platformKey), { ...policyOf({ ...reference, ...change }), nonce: CCA_CHALLENGE });
    };
    assert.deepEqual([exitCodeOf(judge({})), failures(judge({}))], [0, []]);
    for (const [member, value, check] of [
      ["rim", "00".repeat(32), "measurement"],
      ["rem2", "00".repeat(32), "rem2"],
      ["personalizationValue", "00".repeat(64), "personalization"],
      ["implementationId", "00".repeat(32), "implementation"],
      ["instanceId", "00".repeat(33), "platform"],
      ["softwareMeasurements", [], "firmware"],
    ] as const) {
      assert.deepEqual(
        failures(judge({ [member]: value })).map(([name]) => name),
        [check],
      );
    }
    const other = verify(token, publicPem(platformKey), { ...policyOf(reference), nonce: Buffer.alloc(32) });
    assert.deepEqual(failures(other), [["nonce", "ERR_POLICY_NONCE"]]);
  });

  it("refuses a platform that is not secured, and one in debug unless that is allowed", () => {
    const key = ecKey();
    const judge = (lifecycle: number, allow: Policy["allow"] = []): Verdict => {
      const { token } = ccaToken({ platformKey: key, platform: { 2395: lifecycle } });
      return verify(token, publicPem(key), { ...policyOf({ rim: "11".repeat(32) }, { allow }), nonce: CCA_CHALLENGE });
    };
    assert.equal(exitCodeOf(judge(0x30ff)), 0);
    for (const lifecycle of [0, 0x1000, 0x2000, 0x3100, 0x6000, 0xf000]) {
      assert.deepEqual(failures(judge(lifecycle)), [["lifecycle", "ERR_POLICY_LIFECYCLE"]], lifecycle.toString(16));
    }
    for (const lifecycle of [0x4000, 0x5001]) {
      assert.deepEqual(failures(judge(lifecycle)), [["debug", "ERR_POLICY_DEBUG"]]);
      assert.equal(exitCodeOf(judge(lifecycle, ["debug"])), 0);
    }
  });
});

describe("examinePsaToken", () => {
  const key = ecKey("P-256");
  const pem = publicPem(key);

  for (const [what, token] of [
    ["the profile of RFC 9783", psaToken({}, key)],
    ["its draft", psaToken({ 265: "http://arm.com/psa/2.0.0" }, key)],
    ["the profile before", legacyPsaToken(key)],
    ["the profile before, without measurements", legacyPsaToken(key, { "-75006": undefined, "-75007": 1 })],
    ["a token with the optional claims left out", psaToken({ 2397: undefined, 2398: undefined, 2400: undefined }, key)],
  ] as const) {
    it(`verifies ${what}`, () => {
      const verdict = verify(token, pem);
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [6, []]);
      assert.equal(verdict.measurement?.tee, "psa");
    });
  }

  for (const [what, changes, code] of [
    ["an unknown profile", { 265: "tag:example" }, "ERR_EVIDENCE_UNSUPPORTED"],
    ["no profile", { 265: undefined }, "ERR_EVIDENCE_FORMAT"],
    ["a nonce of 33 bytes", { 10: Buffer.alloc(33) }, "ERR_EVIDENCE_FORMAT"],
    ["a boot seed of 7 bytes", { 2397: Buffer.alloc(7) }, "ERR_EVIDENCE_FORMAT"],
    ["a component without signer", { 2399: [new Map([[2, Buffer.alloc(32)]])] }, "ERR_EVIDENCE_FORMAT"],
    ["a client id out of range", { 2394: 2 ** 31 }, "ERR_EVIDENCE_FORMAT"],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.deepEqual(failures(verify(psaToken(changes, key), pem))[0], ["token-format", code]);
    });
  }

  for (const [what, options, code] of [
    [
      "critical headers",
      {
        protectedHeader: new Map<number, unknown>([
          [1, -7],
          [2, [99]],
        ]),
      },
      "ERR_EVIDENCE_FORMAT",
    ],
    ["an unknown algorithm", { protectedHeader: new Map([[1, -8]]) }, "ERR_EVIDENCE_UNSUPPORTED"],
    [
      "an algorithm without protection",
      { protectedHeader: new Map(), unprotected: new Map([[1, -7]]) },
      "ERR_EVIDENCE_UNSUPPORTED",
    ],
    ["a header twice", { unprotected: new Map([[1, -7]]) }, "ERR_EVIDENCE_FORMAT"],
    ["a MAC", { tag: 17 }, "ERR_EVIDENCE_UNSUPPORTED"],
  ] as readonly (readonly [string, SignOptions, ErrorCode])[]) {
    it(`refuses ${what}`, () => {
      assert.deepEqual(failures(verify(psaToken({}, key, options), pem))[0], ["evidence-format", code]);
    });
  }

  for (const [what, signature] of [
    ["zeros", () => new Uint8Array(64)],
    ["nothing", () => new Uint8Array(0)],
    ["a byte more", (same: Buffer) => Buffer.concat([same, Uint8Array.of(0)])],
    ["DER", () => Buffer.from("3006020101020101", "hex")],
  ] as const) {
    it(`refuses a signature of ${what}`, () => {
      const verdict = verify(psaToken({}, key, { signature }), pem);
      assert.deepEqual(failures(verdict), [["platform-signature", "ERR_TOKEN_SIGNATURE"]]);
    });
  }

  it("refuses ES256 by a key of another curve", () => {
    const other = ecKey("P-384");
    const token = psaToken({}, other, { protectedHeader: new Map([[1, -7]]) });
    assert.deepEqual(failures(verify(token, publicPem(other))), [["platform-signature", "ERR_TOKEN_SIGNATURE"]]);
  });

  it("refuses a vendor's root as the device's key", () => {
    assert.equal(exitCodeOf(verify(psaToken({}, key), undefined)), 4);
  });

  it("appraises firmware, signers and nonce", () => {
    const reference = { softwareMeasurements: ["11".repeat(32)], signerIds: ["22".repeat(32)] };
    const judge = (change: object, nonce: Uint8Array = PSA_NONCE): Verdict =>
      verify(psaToken({}, key), pem, { ...policyOf({ ...reference, ...change }), nonce });
    assert.equal(exitCodeOf(judge({})), 0);
    assert.deepEqual(failures(judge({ signerIds: ["00".repeat(32)] })), [["signer", "ERR_POLICY_SIGNER"]]);
    assert.deepEqual(failures(judge({ softwareMeasurements: ["00".repeat(32)] })), [
      ["measurement", "ERR_POLICY_MEASUREMENT"],
    ]);
    assert.deepEqual(failures(judge({}, PSA_NONCE.subarray(1))), [["nonce", "ERR_POLICY_NONCE"]]);
  });
});

describe("the recorded Nitro document", () => {
  const bytes = readData("nitro/nitro-a.cose");
  const now = new Date("2021-09-09T10:19:20Z");

  it("is verified under AWS's root, in its time alone", () => {
    for (const pem of [undefined, Buffer.from(readData("nitro/aws-root.crt")).toString()]) {
      const verdict = verify(bytes, pem, { now });
      assert.deepEqual([exitCodeOf(verdict), failures(verdict), verdict.tee], [6, [], "nitro"]);
      assert.equal(verdict.measurement?.debug, true);
    }
    for (const time of ["2021-09-09T06:00:00Z", "2021-09-09T14:00:00Z", "2026-01-01T00:00:00Z"]) {
      const verdict = verify(bytes, undefined, { now: new Date(time) });
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [3, [["nitro-time", "ERR_NITRO_TIME"]]]);
    }
  });

  it("is refused as a debug enclave, and under other roots", () => {
    const nonce = Buffer.from("8013cf2d252821a740e526102b9cd3d0", "hex");
    const allow = ["no-reference"] as const;
    const verdict = verify(bytes, undefined, { now, nonce, allow, evidenceOnly: false });
    assert.deepEqual(failures(verdict), [["debug", "ERR_POLICY_DEBUG"]]);
    const intel = builtinTrustAnchors().filter(({ vendor }) => vendor !== "AWS");
    assert.deepEqual(failures(verify(bytes, undefined, { now, trustAnchors: intel })), [
      ["trust-anchor", "ERR_TRUST_ANCHOR"],
    ]);
  });
});

describe("examineNitroDocument", () => {
  it("verifies a document without fault, tagged or not", () => {
    for (const options of [{}, { sign: { tag: 18 } }, { payload: { nonce: null, user_data: undefined } }]) {
      const { document, rootPem } = nitroDocument(options);
      const verdict = verify(document, rootPem);
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)], [6, []]);
    }
  });

  const late = TOKEN_NOW.getTime() + 600_000;
  for (const [what, options, check, code] of [
    ["another signer", { signingKey: ecKey() }, "document-signature", "ERR_TOKEN_SIGNATURE"],
    ["a leaf past its date", { leafUntil: new Date("2025-06-14T23:59:30Z") }, "nitro-time", "ERR_NITRO_TIME"],
    ["a document of the future", { payload: { timestamp: late } }, "nitro-time", "ERR_NITRO_TIME"],
    ["a document from before its certificate", { payload: { timestamp: 1 } }, "nitro-time", "ERR_NITRO_TIME"],
    ["a leaf that is a CA", { leafCa: true }, "nitro-chain", "ERR_NITRO_CHAIN"],
    ["a CA that may not sign", { middleUsage: "digitalSignature" }, "nitro-chain", "ERR_NITRO_CHAIN"],
    ["a bundle without its middle", { bundle: (all) => all.slice(0, 1) }, "nitro-chain", "ERR_NITRO_CHAIN"],
    ["a bundle without its root", { bundle: (all) => all.slice(1) }, "nitro-chain", "ERR_NITRO_CHAIN"],
    ["a bundle the wrong way round", { bundle: (all) => all.toReversed() }, "nitro-chain", "ERR_NITRO_CHAIN"],
    [
      "an unknown critical extension",
      { leafExtensions: [{ oid: "1.2.3.4", critical: true, value: derSequence() }] },
      "nitro-chain",
      "ERR_NITRO_CHAIN",
    ],
    ["a leaf on P-256", { leafKey: ecKey("P-256") }, "nitro-chain", "ERR_NITRO_CHAIN"],
    ["another digest", { payload: { digest: "SHA256" } }, "document-format", "ERR_EVIDENCE_FORMAT"],
    ["no PCRs", { payload: { pcrs: new Map() } }, "document-format", "ERR_EVIDENCE_FORMAT"],
    ["a short PCR", { payload: { pcrs: new Map([[0, Buffer.alloc(32)]]) } }, "document-format", "ERR_EVIDENCE_FORMAT"],
    ["PCR 32", { payload: { pcrs: new Map([[32, Buffer.alloc(48)]]) } }, "document-format", "ERR_EVIDENCE_FORMAT"],
    ["an empty bundle", { payload: { cabundle: [] } }, "document-format", "ERR_EVIDENCE_FORMAT"],
    [
      "a certificate that is none",
      { payload: { certificate: Buffer.alloc(10) } },
      "document-format",
      "ERR_EVIDENCE_FORMAT",
    ],
    ["a nonce of 2 kB", { payload: { nonce: Buffer.alloc(2048) } }, "document-format", "ERR_EVIDENCE_FORMAT"],
  ] as readonly (readonly [string, NitroOptions, string, ErrorCode])[]) {
    it(`refuses ${what}`, () => {
      const { document, rootPem } = nitroDocument(options);
      const verdict = verify(document, rootPem);
      assert.deepEqual([exitCodeOf(verdict), failures(verdict)[0]], [3, [check, code]]);
    });
  }

  it("appraises PCRs, nonce and age", () => {
    const { document, rootPem } = nitroDocument();
    const reference = { pcr0: "01".repeat(48), pcr8: "09".repeat(48) };
    const judge = (change: object, policy: Partial<Policy> = {}, nonce = "a nonce"): Verdict =>
      verify(document, rootPem, { ...policyOf({ ...reference, ...change }, policy), nonce: Buffer.from(nonce) });
    assert.equal(exitCodeOf(judge({}, { maxAgeSeconds: 60 })), 0);
    assert.deepEqual(failures(judge({}, { maxAgeSeconds: 59 })), [["age", "ERR_POLICY_AGE"]]);
    assert.deepEqual(failures(judge({ pcr0: "02".repeat(48) })), [["measurement", "ERR_POLICY_MEASUREMENT"]]);
    assert.deepEqual(failures(judge({ pcr16: "02".repeat(48) })), [["pcr16", "ERR_POLICY_MEASUREMENT"]]);
    assert.deepEqual(failures(judge({}, {}, "another")), [["nonce", "ERR_POLICY_NONCE"]]);
  });
});

describe("plain SEV", () => {
  for (const [tee, policy] of [
    ["sev", 1],
    ["sev-es", 5],
  ] as const) {
    it(`recognises and refuses ${tee}`, () => {
      const report = Buffer.alloc(208);
      report.writeUInt32LE(policy, 0x30);
      report.writeUInt32LE(0x1002, 0x34);
      report.writeUInt32LE(2, 0x38);
      const verdict = verify(report, undefined);
      assert.deepEqual(
        [exitCodeOf(verdict), verdict.tee, failures(verdict)],
        [3, tee, [["evidence-kind", "ERR_EVIDENCE_UNSUPPORTED"]]],
      );
    });
  }
});
