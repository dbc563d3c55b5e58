import assert from "node:assert/strict";
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, it } from "node:test";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import * as jose from "jose";
import { NOW, sampleVerdict } from "../../test/sample-verdict.ts";
import { DEFAULT_POLICY } from "../policy.ts";
import type { Verdict } from "../verdict.ts";
import { EAR_PROFILE } from "./claims.ts";
import { issueEar, type IssueEarOptions } from "./issue.ts";
import { parseKeySet, type SigningKey, signingKeyFromPem, toKeySet } from "./jwk.ts";
import { signJws } from "./jws.ts";
import { policyIdOf } from "./policy-id.ts";
import { decodeEar, verifyEar, type VerifyEarOptions } from "./verify.ts";

const SECONDS = NOW.getTime() / 1000;
const AUDIENCE = "https://relying.example";
const VERIFIER = { build: "inclavare 1", developer: "us" };
const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function newKey(curve: "P-256" | "P-384" | "Ed25519"): SigningKey {
  const { privateKey } =
    curve === "Ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: curve });
  return signingKeyFromPem(pemOf(privateKey), "key");
}

const KEY = newKey("P-256");

function issue(verdict: Verdict = sampleVerdict(), options: Partial<IssueEarOptions> = {}): string {
  const common = { key: KEY, audience: AUDIENCE, now: NOW, maxAgeSeconds: 300, verifier: VERIFIER };
  return issueEar(verdict, { ...common, ...options });
}

function verify(token: string, options: Partial<VerifyEarOptions> = {}) {
  const keys = parseKeySet(JSON.stringify(toKeySet(KEY)), "set");
  return verifyEar(token, { keys, audience: AUDIENCE, now: NOW, ...options });
}

function refuses(code: ErrorCode, action: () => unknown): void {
  assert.throws(action, (error) => isInclavareError(error, code));
}

/** The claims of a good token, changed and signed again. */
function resigned(change: Readonly<Record<string, unknown>>): string {
  const { claims } = decodeEar(issue());
  return signJws({ ...claims, ...change }, KEY);
}

describe("a token", () => {
  for (const curve of ["P-256", "P-384", "Ed25519"] as const) {
    it(`of ${curve} verifies with jose, by the key set`, async () => {
      const key = newKey(curve);
      const token = issue(sampleVerdict(), { key, nonce: NONCE });
      const { payload, protectedHeader } = await jose.jwtVerify(token, jose.createLocalJWKSet(toKeySet(key) as never), {
        audience: AUDIENCE,
        issuer: `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${key.jwk.kid}`,
        typ: "eat+jwt",
        currentDate: NOW,
        requiredClaims: ["exp", "nbf", "iat", "eat_profile", "submods"],
      });
      assert.equal(protectedHeader.kid, await jose.calculateJwkThumbprint(key.jwk as never));
      assert.equal(payload["eat_nonce"], Buffer.from(NONCE).toString("base64url"));
      await assert.rejects(
        jose.jwtVerify(token, jose.createLocalJWKSet(toKeySet(newKey(curve)) as never), { currentDate: NOW }),
      );
    });
  }

  it("made by jose is taken", async () => {
    const { claims } = decodeEar(issue());
    const token = await new jose.SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", typ: "eat+jwt", kid: KEY.jwk.kid })
      .sign(KEY.privateKey);
    assert.equal(verify(token).status, "affirming");
  });

  it("has the claims of its profile, and no others at the top", () => {
    const { claims } = decodeEar(issue(sampleVerdict(), { policy: DEFAULT_POLICY, nonce: NONCE, submodule: "web" }));
    const { submods, ...top } = claims;
    assert.deepEqual(top, {
      eat_profile: EAR_PROFILE,
      iss: `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${KEY.jwk.kid}`,
      aud: AUDIENCE,
      iat: SECONDS,
      nbf: SECONDS,
      exp: SECONDS + 300,
      eat_nonce: "AQIDBAUGBwg",
      "ear.verifier-id": VERIFIER,
    });
    const { web, ...others } = submods;
    assert.deepEqual(others, {});
    assert.equal(web?.["ear.status"], "affirming");
    assert.equal(web["ear.appraisal-policy-id"], policyIdOf(DEFAULT_POLICY));
    const evidence = web["ear.veraison.annotated-evidence"] as Readonly<Record<string, unknown>>;
    assert.deepEqual(Object.keys(evidence), ["tee", "tcb", "measurement", "claims"]);
    assert.deepEqual(web["ear.veraison.policy-claims"], {
      verdict: "accepted",
      checks: [
        { check: "quote-signature", result: "ok" },
        { check: "nonce", result: "ok" },
      ],
    });
  });

  it("ends with what the verdict rests on, or after its greatest age", () => {
    const exp = (validUntil: string | null, maxAgeSeconds: number): number =>
      decodeEar(issue(sampleVerdict({ validUntil }), { maxAgeSeconds })).claims.exp - SECONDS;
    assert.equal(exp("2025-06-15T00:01:00.999Z", 300), 60);
    assert.equal(exp("2025-06-15T00:01:00.000Z", 59), 59);
    assert.equal(exp(null, 300), 300);
  });

  it("is not issued over a good verdict on grounds that are past; a refusal is", () => {
    const past = { validUntil: NOW.toISOString() };
    refuses("ERR_EAR_GROUNDS", () => issue(sampleVerdict(past)));
    refuses("ERR_EAR_GROUNDS", () => issue(sampleVerdict({ ...past, verdict: "verified" })));
    assert.equal(decodeEar(issue(sampleVerdict({ ...past, verdict: "refused" }))).status, "contraindicated");
  });

  it("carries the nonce only where the evidence answers it", () => {
    const check = { check: "nonce", result: "failed", code: "ERR_POLICY_NONCE", message: "" } as const;
    const { claims } = decodeEar(issue(sampleVerdict({ verdict: "refused", checks: [check] }), { nonce: NONCE }));
    assert.equal(claims.eat_nonce, undefined);
  });

  it("names the bound key, and gives it where it is known", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = publicKey.export({ type: "spki", format: "der" });
    const digest = createHash("sha256").update(spki).digest();
    const hash = `sha-256:${digest.toString("hex")}`;
    const kid = `ni:///sha-256;${digest.toString("base64url")}`;
    const named = decodeEar(issue(sampleVerdict({ boundKey: { hash } }))).claims;
    assert.deepEqual(named.cnf, { kid });
    const given = sampleVerdict({ boundKey: { hash, spki: spki.toString("hex") } });
    const { cnf, submods } = decodeEar(issue(given)).claims;
    assert.deepEqual(cnf, { kid, jwk: publicKey.export({ format: "jwk" }) });
    assert.deepEqual(submods["cpu0"]?.["ear.veraison.key-attestation"], { akpub: spki.toString("base64url") });
  });

  it("repeats nothing of evidence that may not be true", () => {
    const given = sampleVerdict({ verdict: "refused", boundKey: { hash: `sha-256:${"00".repeat(32)}`, spki: "00" } });
    const said = (code: ErrorCode): readonly boolean[] => {
      const failed = { check: "any", result: "failed", code, message: "" } as const;
      const { cnf, submods } = decodeEar(issue({ ...given, checks: [failed] })).claims;
      const members = ["ear.veraison.annotated-evidence", "ear.veraison.key-attestation"];
      return [cnf !== undefined, ...members.map((member) => submods["cpu0"]?.[member] !== undefined)];
    };
    for (const code of ["ERR_QUOTE_SIGNATURE", "ERR_COLLATERAL_MISSING", "ERR_INTERNAL"] as const) {
      assert.deepEqual(said(code), [false, false, false], code);
    }
    assert.deepEqual(said("ERR_POLICY_MEASUREMENT"), [true, true, true]);
    const { submods } = decodeEar(issue({ ...given, measurement: null })).claims;
    assert.equal(submods["cpu0"]?.["ear.veraison.annotated-evidence"], undefined);
  });

  it("carries the evidence where that is wanted", () => {
    const { claims } = decodeEar(issue(sampleVerdict(), { rawEvidence: NONCE }));
    assert.equal(claims["ear.raw-evidence"], "AQIDBAUGBwg");
  });

  for (const [what, options] of [
    ["a nonce of 7 bytes", { nonce: new Uint8Array(7) }],
    ["a nonce of 65 bytes", { nonce: new Uint8Array(65) }],
    ["no life time", { maxAgeSeconds: 0 }],
    ["half a second", { maxAgeSeconds: 0.5 }],
    ["an empty audience", { audience: "" }],
    ["an empty issuer", { issuer: "" }],
  ] as const) {
    it(`is not issued with ${what}`, () => refuses("ERR_EAR_OPTIONS", () => issue(sampleVerdict(), options)));
  }
});

describe("a relying party", () => {
  it("takes its own tokens", () => {
    const { status, claims } = verify(issue(sampleVerdict(), { nonce: NONCE, issuer: "us" }), {
      nonce: NONCE,
      issuer: "us",
    });
    assert.deepEqual([status, claims.iss], ["affirming", "us"]);
  });

  it("takes a token that has its audience and its nonce among others", () => {
    const token = resigned({ aud: ["other", AUDIENCE], eat_nonce: ["AAAAAAAAAAA", "AQIDBAUGBwg"] });
    assert.equal(verify(token, { nonce: NONCE }).status, "affirming");
  });

  it("goes by the worst of several appraisals", () => {
    const { claims } = decodeEar(issue());
    const submods = { cpu0: claims.submods["cpu0"], gpu0: { "ear.status": "warning" } };
    assert.equal(verify(resigned({ submods })).status, "warning");
  });

  const refusals: readonly (readonly [string, string, Partial<VerifyEarOptions>, ErrorCode])[] = [
    ["another audience", issue(sampleVerdict(), { audience: "other" }), {}, "ERR_EAR_AUDIENCE"],
    ["another issuer", issue(), { issuer: "us" }, "ERR_EAR_ISSUER"],
    ["another nonce", issue(sampleVerdict(), { nonce: new Uint8Array(8) }), { nonce: NONCE }, "ERR_EAR_NONCE"],
    ["no nonce", issue(), { nonce: NONCE }, "ERR_EAR_NONCE"],
    ["its last moment", issue(), { now: new Date((SECONDS + 300) * 1000) }, "ERR_EAR_TIME"],
    ["the future", issue(), { now: new Date((SECONDS - 31) * 1000) }, "ERR_EAR_TIME"],
    ["nbf after iat", resigned({ nbf: SECONDS + 60 }), {}, "ERR_EAR_TIME"],
    ["another key", issue(sampleVerdict(), { key: newKey("P-256") }), {}, "ERR_EAR_KEY"],
    ["a status better than its vector", withStatus("affirming", 96), {}, "ERR_EAR_FORMAT"],
    ["an unknown status", withStatus("fine", 2), {}, "ERR_EAR_FORMAT"],
    ["a value out of range", withStatus("contraindicated", 128), {}, "ERR_EAR_FORMAT"],
    ["another profile", resigned({ eat_profile: "tag:example" }), {}, "ERR_EAR_FORMAT"],
    ["no appraisal", resigned({ submods: {} }), {}, "ERR_EAR_FORMAT"],
    ["no expiry", resigned({ exp: undefined }), {}, "ERR_EAR_FORMAT"],
    ["an expiry that is no number", resigned({ exp: "never" }), {}, "ERR_EAR_FORMAT"],
    ["no verifier", resigned({ "ear.verifier-id": undefined }), {}, "ERR_EAR_FORMAT"],
    ["no signature", `${issue().split(".").slice(0, 2).join(".")}.`, {}, "ERR_EAR_SIGNATURE"],
    ["four parts", `${issue()}.`, {}, "ERR_EAR_FORMAT"],
    ["padding", `${issue()}=`, {}, "ERR_EAR_FORMAT"],
    ["more than 1 MiB", "a".repeat((1 << 20) + 1), {}, "ERR_EAR_FORMAT"],
    ["alg none", withHeader({ alg: "none" }), {}, "ERR_EAR_KEY"],
    ["a MAC with the public key", withHeader({ alg: "HS256" }), {}, "ERR_EAR_KEY"],
    ["no key id", withHeader({ kid: undefined }), {}, "ERR_EAR_FORMAT"],
    ["a JWT of another type", withHeader({ typ: "JWT" }), {}, "ERR_EAR_FORMAT"],
    ["critical headers", withHeader({ crit: ["exp"], exp: 1 }), {}, "ERR_EAR_FORMAT"],
  ];
  for (const [what, token, options, code] of refusals) {
    it(`refuses ${what} with ${code}`, () => refuses(code, () => verify(token, options)));
  }

  it("allows the issuer's clock half a minute", () => {
    assert.equal(verify(issue(), { now: new Date((SECONDS - 29) * 1000) }).status, "affirming");
  });
});

function withStatus(status: string, hardware: number): string {
  return resigned({ submods: { cpu0: { "ear.status": status, "ear.trustworthiness-vector": { hardware } } } });
}

/** A good token under another header; the signature no longer fits, and must not be what is found first. */
function withHeader(change: Readonly<Record<string, unknown>>): string {
  const [, payload = "", signature = ""] = issue().split(".");
  const header = { alg: "ES256", typ: "eat+jwt", kid: KEY.jwk.kid, ...change };
  return [Buffer.from(JSON.stringify(header)).toString("base64url"), payload, signature].join(".");
}

describe("keys", () => {
  it("have the thumbprint of RFC 8037, appendix A.3, as their name", () => {
    const jwk = {
      kty: "OKP",
      crv: "Ed25519",
      d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
      x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    };
    const pem = pemOf(createPrivateKey({ key: jwk, format: "jwk" }));
    assert.equal(signingKeyFromPem(pem, "key").jwk.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  });

  it("of other kinds do not sign", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-521" });
    refuses("ERR_EAR_SIGNING_KEY", () => signingKeyFromPem(pemOf(privateKey), "key"));
    refuses("ERR_EAR_SIGNING_KEY", () => signingKeyFromPem(pemOf(generateKeyPairSync("x25519").privateKey), "key"));
    refuses("ERR_EAR_SIGNING_KEY", () => signingKeyFromPem("key", "key"));
  });

  const { jwk } = KEY;
  const parse = (...keys: readonly unknown[]) => parseKeySet(JSON.stringify({ keys }), "set");

  it("of other kinds and uses are passed over in a set", () => {
    const rsa = { kty: "RSA", n: "AQAB", e: "AQAB" };
    assert.deepEqual(
      parse(rsa, { ...jwk, use: "enc", kid: "other" }, jwk).map(({ kid }) => kid),
      [jwk.kid],
    );
    refuses("ERR_JWKS_FORMAT", () => parse(rsa));
  });

  it("without a name in a set get their thumbprint", () => {
    const { kty, crv, x, y } = jwk;
    assert.deepEqual(
      parse({ kty, crv, x, y }).map(({ kid }) => kid),
      [jwk.kid],
    );
  });

  for (const [what, keys] of [
    ["a private key", [{ ...jwk, d: "AA" }]],
    ["a symmetric key", [jwk, { kty: "oct", k: "AA" }]],
    ["a point off its curve", [{ ...jwk, y: jwk.x }]],
    ["two keys of one name", [jwk, jwk]],
    ["no key", []],
    ["a key that is no object", [1]],
  ] as const) {
    it(`refuses a set with ${what}`, () => refuses("ERR_JWKS_FORMAT", () => parse(...keys)));
  }
  it("refuses a set that is none", () => {
    for (const text of ["", "{}", "[]", "x".repeat((1 << 20) + 1)])
      refuses("ERR_JWKS_FORMAT", () => parseKeySet(text, "set"));
  });
});

describe("the id of a policy", () => {
  it("is the same for the same policy in another order, and another for another one", () => {
    const { referenceValues, acceptedTcbStatuses, allow } = DEFAULT_POLICY;
    assert.equal(policyIdOf({ allow, acceptedTcbStatuses, referenceValues }), policyIdOf(DEFAULT_POLICY));
    assert.notEqual(policyIdOf({ ...DEFAULT_POLICY, allow: ["debug"] }), policyIdOf(DEFAULT_POLICY));
  });
});
