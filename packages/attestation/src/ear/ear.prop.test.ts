import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { ERROR_CODES, isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { anyVerdict, NOW } from "../../test/sample-verdict.ts";
import type { Verdict } from "../verdict.ts";
import { tierOf, TRUST_TIERS, worstTier } from "./ar4si.ts";
import { issueEar } from "./issue.ts";
import { parseKeySet, signingKeyFromPem, toKeySet } from "./jwk.ts";
import { trustStatusOf, trustVectorOf } from "./trust-vector.ts";
import { decodeEar, verifyEar } from "./verify.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const VERIFIER = { build: "test", developer: "test" };

const { privateKey } = generateKeyPairSync("ed25519");
const key = signingKeyFromPem(privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "key");
const keys = parseKeySet(JSON.stringify(toKeySet(key)), "set");

function statusOf(verdict: Verdict) {
  return trustStatusOf(verdict, trustVectorOf(verdict));
}

function rank(verdict: Verdict): number {
  return TRUST_TIERS.indexOf(statusOf(verdict));
}

describe("the status of any verdict", () => {
  const property = (law: (verdict: Verdict) => void) => () => {
    fc.assert(fc.property(anyVerdict, law), { numRuns });
  };

  it(
    "is never better than the worst member of the vector",
    property((verdict) => {
      const vector = trustVectorOf(verdict);
      const status = trustStatusOf(verdict, vector);
      assert.equal(worstTier([status, ...Object.values(vector).map(tierOf)]), status);
    }),
  );

  it(
    "is contraindicated where the verdict is refused",
    property((verdict) => {
      if (verdict.verdict === "refused") assert.equal(statusOf(verdict), "contraindicated");
    }),
  );

  it(
    "is contraindicated for simulated and for debug evidence, whatever was allowed",
    property((verdict) => {
      const isUnsafe = verdict.tee === "simulated" || verdict.measurement?.debug === true;
      if (isUnsafe) assert.equal(statusOf(verdict), "contraindicated");
    }),
  );

  it(
    "is affirming only where everything was looked at, and nothing took an exception",
    property((verdict) => {
      if (statusOf(verdict) !== "affirming") return;
      assert.equal(verdict.verdict, "accepted");
      assert.ok(verdict.checks.every(({ result }) => result === "ok" || result === "skipped"));
    }),
  );

  it(
    "does not get better where a check is allowed instead of met, or fails instead of allowed",
    property((verdict) => {
      const [first, ...rest] = verdict.checks;
      if (first === undefined || first.result === "failed") return;
      const code = "ERR_POLICY_AGE";
      const worse: Verdict =
        first.result === "allowed"
          ? { ...verdict, verdict: "refused", checks: [{ ...first, result: "failed" }, ...rest] }
          : { ...verdict, checks: [{ ...first, result: "allowed", code }, ...rest] };
      assert.ok(rank(worse) >= rank(verdict));
    }),
  );

  it(
    "rests on 99 throughout where a signature is wrong",
    property((verdict) => {
      const broken = { check: "quote-signature", result: "failed", code: "ERR_QUOTE_SIGNATURE", message: "" } as const;
      const vector = trustVectorOf({ ...verdict, verdict: "refused", checks: [...verdict.checks, broken] });
      assert.deepEqual([...new Set(Object.values(vector))], [99]);
    }),
  );
});

describe("any verdict as a token", () => {
  const options = { key, audience: "relying party", now: NOW, maxAgeSeconds: 3600, verifier: VERIFIER };

  it("comes out as it went in, and lives no longer than its grounds", () => {
    fc.assert(
      fc.property(anyVerdict, fc.uint8Array({ minLength: 8, maxLength: 64 }), (verdict, nonce) => {
        const token = issueEar(verdict, { ...options, nonce });
        const { status, claims } = verifyEar(token, { keys, audience: "relying party", now: NOW });
        assert.equal(status, statusOf(verdict));
        assert.deepEqual(claims.submods["cpu0"]?.["ear.trustworthiness-vector"], trustVectorOf(verdict));
        assert.ok(claims.exp <= NOW.getTime() / 1000 + 3600);
        if (verdict.validUntil !== null) assert.ok(claims.exp * 1000 <= Date.parse(verdict.validUntil));
        const isAnswered = verdict.checks.some(({ check, result }) => check === "nonce" && result === "ok");
        assert.equal(claims.eat_nonce, isAnswered ? Buffer.from(nonce).toString("base64url") : undefined);
        const isTrue = !verdict.checks.some(({ code, result }) => {
          return result === "failed" && code !== undefined && ERROR_CODES[code].cause !== "policy";
        });
        assert.equal("ear.veraison.annotated-evidence" in (claims.submods["cpu0"] ?? {}), isTrue);
      }),
      { numRuns },
    );
  });

  it("is refused with any bit changed", () => {
    fc.assert(
      fc.property(anyVerdict, fc.nat(), fc.nat(7), (verdict, where, bit) => {
        const bytes = Buffer.from(issueEar(verdict, options), "latin1");
        const index = where % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        assert.throws(
          () => verifyEar(bytes.toString("latin1"), { keys, audience: "relying party", now: NOW }),
          (error) => isInclavareError(error) && error.code.startsWith("ERR_EAR_"),
        );
      }),
      { numRuns },
    );
  });

  it("is the only text that is taken: anything else is refused by its code", () => {
    const part = fc.oneof(fc.json(), fc.string()).map((text) => Buffer.from(text).toString("base64url"));
    const text = fc.oneof(
      fc.string(),
      fc.tuple(part, part, part).map((parts) => parts.join(".")),
    );
    fc.assert(
      fc.property(text, (token) => {
        assert.throws(
          () => decodeEar(token),
          (error) => isInclavareError(error, "ERR_EAR_FORMAT"),
        );
        assert.throws(
          () => verifyEar(token, { keys, audience: "relying party", now: NOW }),
          (error) => isInclavareError(error) && error.code.startsWith("ERR_EAR_"),
        );
      }),
      { numRuns },
    );
  });
});
