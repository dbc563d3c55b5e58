/** `shelter explain`: the program, on verdicts, tokens and recorded evidence. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { data, directory, file, shelter } from "./program.ts";

const JULY = "2025-07-04T00:00:00Z";
const TDX = [data("tdx-01.quote.bin"), "--collateral", data("tdx-01.collateral.json"), "--time", JULY];
const AUDIENCE = ["--audience", "relying party"];

async function explain(...args: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await shelter("explain", ...args);
  assert.deepEqual([exit, stderr], [0, ""]);
  return stdout;
}

describe("shelter explain", { concurrency: 2 }, () => {
  it("explains evidence: what failed, the deciding first, each with what to do", async () => {
    const text = await explain(...TDX);
    const lines = text.split("\n");
    assert.equal(lines[0], "REFUSED: do not rely on it.");
    assert.equal(lines[1], "It is evidence of an Intel TDX trust domain.");
    assert.match(text, /^1\. measurement: .*\[ERR_POLICY_NO_REFERENCE\]$/mu);
    assert.match(text, /^2\. nonce: .*\[ERR_POLICY_NO_NONCE\]$/mu);
    assert.match(text, /^ {3}do {8}Measure your own build/mu);
    assert.match(text, /^\d+ checks passed, 2 failed, 0 allowed, \d+ not looked at\.$/mu);
  });

  it("says what was let pass, and that no policy was applied", async () => {
    const allowed = await explain(...TDX, "--allow", "no-nonce", "--allow", "no-reference");
    assert.match(allowed, /^ACCEPTED: [^]*What was let pass by an explicit word:\n1\. measurement/u);
    assert.match(await explain(...TDX, "--evidence-only"), /^VERIFIED: /u);
  });

  it("puts broken evidence before its missing collateral", async () => {
    const text = await explain(data("sgx-04-tampered.quote.bin"), "--time", JULY);
    assert.match(text, /\n1\. quote-signature: [^]*\n2\. collateral: /u);
  });

  it("explains a verdict of verify -o json as the evidence itself", async () => {
    const { stdout } = await shelter("verify", ...TDX, "-o", "json");
    assert.equal(await explain(file("verdict.json", stdout)), await explain(...TDX));
  });

  it("explains a token, and says loudly whether anybody has checked it", async () => {
    const words = ["--allow", "no-nonce", "--allow", "no-reference"];
    const { stdout } = await shelter("verify", ...TDX, ...words, ...AUDIENCE, "-o", "ear");
    const token = file("token.jwt", stdout);
    const unchecked = await explain(token);
    assert.match(unchecked, /^WARNING: [^\n]*\nNOBODY HAS CHECKED ITS SIGNATURE/u);
    assert.match(unchecked, /^ {2}executables {8}33 {2}software that nobody recognises$/mu);
    assert.match(unchecked, /^1\. measurement: .*\[ERR_POLICY_NO_REFERENCE\]$/mu);
    const keys = file("jwks.json", (await shelter("key", "jwks")).stdout);
    const checked = await explain(token, "--jwks", keys, ...AUDIENCE, "--time", JULY);
    assert.match(checked, /\nA trusted key has signed it\.\n/u);
    assert.equal((await shelter("explain", token, "--jwks", keys)).exit, 2);
    const late = await shelter("explain", token, "--jwks", keys, ...AUDIENCE);
    assert.deepEqual([late.exit, /ERR_EAR_TIME/u.test(late.stderr)], [4, true]);
  });

  it("takes words of other verifiers' tokens and of files for what they are", async () => {
    const claims = {
      eat_profile: "tag:github.com,2023:veraison/ear",
      iss: "else\u001B[31m",
      aud: "a",
      iat: 0,
      nbf: 0,
      exp: 8.64e15,
      "ear.verifier-id": { build: "b", developer: "d" },
      submods: { gpu0: { "ear.status": "warning", "ear.veraison.policy-claims": { checks: [{ check: 1 }, "x"] } } },
    };
    const header = { alg: "ES256", typ: "eat+jwt", kid: "k" };
    const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
    const text = await explain(file("foreign.jwt", `${parts.join(".")}.AA`));
    assert.match(text, /\ngpu0: warning\n/u);
    assert.equal(text.includes("\u001B"), false);
  });

  for (const [name, content] of [
    ["no-verdict.json", "{}"],
    ["half.json", '{"verdict":"accepted"'],
    ["other-tee.json", '{"verdict":"accepted","tee":"abacus","checks":[]}'],
    [
      "other-code.json",
      '{"verdict":"refused","tee":"sgx","checks":[{"check":"a","result":"failed","code":"ERR_NONE"}]}',
    ],
  ] as const) {
    it(`refuses ${name} as a verdict`, async () => {
      const { exit, stdout, stderr } = await shelter("explain", file(name, content));
      assert.deepEqual([exit, stdout, /ERR_VERDICT_FORMAT/u.test(stderr)], [1, "", true]);
    });
  }

  it("ends with 1 without the file", async () => {
    assert.equal((await shelter("explain", join(directory, "absent"))).exit, 1);
  });
});
