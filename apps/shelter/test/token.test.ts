/** Tokens as people issue and verify them: the program, on recorded evidence, with jose as the counterpart. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import * as jose from "jose";
import { data, directory, file, type Result, shelter } from "./program.ts";

const AUDIENCE = "https://relying.example";
const JULY = "2025-07-04T00:00:00Z";
const EVIDENCE = [data("tdx-01.quote.bin"), "--collateral", data("tdx-01.collateral.json"), "--time", JULY];
const ALLOW = ["no-reference", "no-nonce", "no-sept-ve-disable", "service-td"].flatMap((word) => ["--allow", word]);
const REPORT_DATA = /"REPORTDATA": "([0-9a-f]{128})"/u;

let keySet: string;
let nonce: string;
let token: string;

async function issue(...args: readonly string[]): Promise<Result> {
  return await shelter("verify", ...EVIDENCE, "--audience", AUDIENCE, "-o", "ear", ...args);
}

async function verify(name: string, text: string, ...args: readonly string[]): Promise<Result> {
  return await shelter("token", "verify", file(name, text), "--jwks", keySet, ...args);
}

function claimsOf(text: string): Readonly<Record<string, unknown>> {
  return jose.decodeJwt(text);
}

before(async () => {
  keySet = file("jwks.json", (await shelter("key", "jwks")).stdout);
  const { stdout } = await shelter("verify", ...EVIDENCE, "--evidence-only", "-o", "json");
  nonce = REPORT_DATA.exec(stdout)?.[1] ?? "";
  token = (await issue("--nonce", nonce, ...ALLOW)).stdout.trim();
});

describe("shelter key jwks", () => {
  it("makes one key, for its owner alone, and prints its public half by its thumbprint", async () => {
    const { exit, stdout } = await shelter("key", "jwks");
    const { keys } = JSON.parse(stdout) as { readonly keys: readonly jose.JWK[] };
    assert.deepEqual([exit, keys.length, stdout === readFileSync(keySet, "utf8")], [0, 1, true]);
    const [key = {}] = keys;
    assert.deepEqual(Object.keys(key).toSorted(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert.equal(key.kid, await jose.calculateJwkThumbprint(key));
    assert.equal(statSync(join(directory, "inclavare", "shelter", "token-key.pem")).mode & 0o777, 0o600);
  });

  it("prints the sets of given keys", async () => {
    const files = await Promise.all(
      (["ES384", "EdDSA"] as const).map(async (alg) => {
        const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
        return file(`${alg}.pem`, await jose.exportPKCS8(privateKey));
      }),
    );
    const { stdout } = await shelter("key", "jwks", ...files.flatMap((name) => ["--token-key", name]));
    const { keys } = JSON.parse(stdout) as { readonly keys: readonly jose.JWK[] };
    assert.deepEqual(
      keys.map(({ alg }) => alg),
      ["ES384", "EdDSA"],
    );
    const rsa = await jose.generateKeyPair("RS256", { extractable: true });
    const refused = await shelter(
      "key",
      "jwks",
      "--token-key",
      file("rsa.pem", await jose.exportPKCS8(rsa.privateKey)),
    );
    assert.deepEqual([refused.exit, /ERR_EAR_SIGNING_KEY/u.test(refused.stderr)], [1, true]);
  });
});

describe("shelter verify -o ear", { concurrency: 2 }, () => {
  it("prints a token that jose verifies by the key set", async () => {
    const keys = jose.createLocalJWKSet(JSON.parse(readFileSync(keySet, "utf8")));
    const { payload } = await jose.jwtVerify(token, keys, { audience: AUDIENCE, currentDate: new Date(JULY) });
    assert.equal(payload["eat_nonce"], Buffer.from(nonce, "hex").toString("base64url"));
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 300);
    const { cpu0 } = payload["submods"] as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    assert.equal(cpu0?.["ear.status"], "warning");
    assert.match(String(cpu0["ear.appraisal-policy-id"]), /^ni:\/\/\/sha-256;/u);
  });

  it("writes it to a file beside the verdict", async () => {
    const path = join(directory, "written.jwt");
    const args = [...EVIDENCE, ...ALLOW, "--audience", AUDIENCE, "--token", path, "--issuer", "us", "--max-age", "60"];
    const { exit, stdout } = await shelter("verify", ...args);
    assert.deepEqual([exit, /^ACCEPTED/mu.test(stdout)], [0, true]);
    const claims = claimsOf(readFileSync(path, "utf8"));
    assert.deepEqual([claims["iss"], Number(claims["exp"]) - Number(claims["iat"])], ["us", 60]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("ends the token with the collateral", async () => {
    const { stdout } = await issue(...ALLOW, "--max-age", "604800", "--time", "2025-07-18T00:00:00Z");
    const { validUntil } = JSON.parse((await shelter("verify", ...EVIDENCE, "-o", "json")).stdout) as {
      readonly validUntil: string;
    };
    assert.equal(claimsOf(stdout)["exp"], Math.floor(Date.parse(validUntil) / 1000));
  });

  it("issues a token over a refusal, with the exit code of the verdict", async () => {
    const { exit, stdout } = await issue();
    assert.equal(exit, 5);
    const { submods } = claimsOf(stdout) as { readonly submods: { readonly cpu0: Readonly<Record<string, unknown>> } };
    assert.equal(submods.cpu0["ear.status"], "contraindicated");
    const tampered = readFileSync(data("tdx-01.quote.bin"));
    tampered[100] = (tampered[100] ?? 0) ^ 1;
    const broken = await issue("--evidence-only");
    assert.equal(broken.exit, 6);
    const refused = await shelter(
      "verify",
      file("tampered", tampered),
      ...EVIDENCE.slice(1),
      "--audience",
      AUDIENCE,
      "-o",
      "ear",
    );
    assert.equal(refused.exit, 3);
    assert.match(JSON.stringify(claimsOf(refused.stdout)), /"hardware":99/u);
  });

  it("issues none on collateral that is past, allowed or not", async () => {
    const words = [...ALLOW, "--allow", "expired-collateral", "--time", "2025-09-02T00:00:00Z"];
    const { exit, stdout, stderr } = await issue(...words);
    assert.deepEqual([exit, stdout, /ERR_EAR_GROUNDS/u.test(stderr)], [4, "", true]);
  });

  it("keeps debug evidence contraindicated where it is allowed", async () => {
    const debug = [data("tdx-06.quote.bin"), "--collateral", data("tdx-06.collateral.json")];
    const words = [...ALLOW, "--allow", "debug", "--time", "2023-07-01T01:00:00Z"];
    const { exit, stdout } = await shelter("verify", ...debug, ...words, "--audience", AUDIENCE, "-o", "ear");
    assert.deepEqual([exit, /"ear.status":"contraindicated"/u.test(JSON.stringify(claimsOf(stdout)))], [0, true]);
  });

  for (const [what, args] of [
    ["a token for nobody", ["-o", "ear"]],
    ["an audience without a token", ["--audience", AUDIENCE]],
    ["a life of no seconds", ["-o", "ear", "--audience", AUDIENCE, "--max-age", "0"]],
    ["a life of eight days", ["-o", "ear", "--audience", AUDIENCE, "--max-age", "691200"]],
  ] as const) {
    it(`refuses ${what} as wrong usage`, async () => {
      assert.equal((await shelter("verify", ...EVIDENCE, ...args)).exit, 2);
    });
  }
});

describe("shelter token verify", { concurrency: 2 }, () => {
  const GOOD = ["--audience", AUDIENCE, "--time", JULY, "--status", "warning"];

  it("takes a good token, and prints its claims", async () => {
    const { exit, stdout } = await verify("good", token, ...GOOD, "--nonce", nonce, "-o", "json");
    const { status, claims } = JSON.parse(stdout) as { readonly status: string; readonly claims: object };
    assert.deepEqual([exit, status, claims], [0, "warning", claimsOf(token)]);
    const text = await verify("good", token, ...GOOD);
    assert.match(text.stdout, /^ {2}hardware {11}2$/mu);
    assert.match(text.stdout, /\nWARNING\n$/u);
  });

  it("takes a warning only where it is told to", async () => {
    const { exit, stdout, stderr } = await verify("warning", token, ...GOOD.slice(0, 4));
    assert.deepEqual([exit, /ERR_EAR_STATUS/u.test(stderr), stdout !== ""], [5, true, true]);
  });

  for (const [what, args, exit, code] of [
    ["another audience", ["--audience", "other", "--time", JULY], 5, "ERR_EAR_AUDIENCE"],
    ["another issuer", [...GOOD, "--issuer", "us"], 5, "ERR_EAR_ISSUER"],
    ["another nonce", [...GOOD, "--nonce", "00".repeat(64)], 5, "ERR_EAR_NONCE"],
    ["a time that is past its own", ["--audience", AUDIENCE, "--time", "2025-07-04T00:05:00Z"], 4, "ERR_EAR_TIME"],
    ["no audience", ["--time", JULY], 2, "ERR_USAGE"],
  ] as const) {
    it(`refuses ${what} with ${exit}`, async () => {
      const result = await verify(`${code}.jwt`, token, ...args);
      assert.deepEqual([result.exit, result.stdout, result.stderr.includes(code)], [exit, "", true]);
    });
  }

  it("refuses a changed token, another key and what is none with 3", async () => {
    const [header = "", payload = "", signature = ""] = token.split(".");
    const claims = { ...claimsOf(token), aud: "other" };
    const forged = [header, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
    assert.match((await verify("forged", forged, "--audience", "other", "--time", JULY)).stderr, /ERR_EAR_SIGNATURE/u);
    const { privateKey } = await jose.generateKeyPair("ES256", { extractable: true });
    const pem = file("other.pem", await jose.exportPKCS8(privateKey));
    const other = (await issue(...ALLOW, "--token-key", pem)).stdout;
    const refused = await verify("other", other, ...GOOD);
    assert.deepEqual([refused.exit, /ERR_EAR_KEY/u.test(refused.stderr)], [3, true]);
    assert.equal((await verify("none", `${header}.${payload}`, ...GOOD)).exit, 3);
  });

  it("ends with 1 without a file or with a set that is none", async () => {
    const args = ["--jwks", file("none.json", "{}"), ...GOOD];
    const { exit, stderr } = await shelter("token", "verify", file("a.jwt", token), ...args);
    assert.deepEqual([exit, /ERR_JWKS_FORMAT/u.test(stderr)], [1, true]);
    assert.equal((await shelter("token", "verify", join(directory, "absent"), "--jwks", keySet, ...GOOD)).exit, 1);
  });
});
