/** `shelter policy new` and `shelter policy check`: the program, on recorded evidence. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parsePolicy, type Verdict } from "@inclavare/attestation";
import { data, directory, file, shelter, verdictOf } from "./program.ts";

const TDX = [
  data("tdx-01.quote.bin"),
  "--collateral",
  data("tdx-01.collateral.json"),
  "--time",
  "2025-07-04T00:00:00Z",
];
const SIMULATED = [
  data("syn-sgx-ok.quote.bin"),
  "--collateral",
  data("syn-sgx-ok.collateral.json"),
  "--trust",
  data("syn-processor.root.pem"),
  "--time",
  "2025-06-15T00:00:00Z",
];
const DEBUG = [
  data("tdx-06.quote.bin"),
  "--collateral",
  data("tdx-06.collateral.json"),
  "--time",
  "2023-07-01T01:00:00Z",
];

describe("shelter policy new", { concurrency: 2 }, () => {
  it("prints a policy that takes the evidence for its nonce, and says what to do before it is used", async () => {
    const { exit, stdout, stderr } = await shelter("policy", "new", ...TDX);
    assert.equal(exit, 0);
    assert.match(stderr, /compare the reference values/u);
    const policy = parsePolicy(stdout, "policy");
    assert.deepEqual(policy.allow, []);
    const { source } = policy.referenceValues[0] ?? {};
    assert.match(
      source ?? "",
      /^evidence in .*tdx-01\.quote\.bin \(sha-256:[0-9a-f]{64}\), verified as of 2025-07-04T/u,
    );
    const path = file("tdx.json", stdout);
    const { REPORTDATA: nonce } = (await verdictOf(...TDX, "--evidence-only")).verdict.claims;
    assert.ok(typeof nonce === "string");
    assert.equal((await verdictOf(...TDX, "--policy", path, "--nonce", nonce)).exit, 0);
    assert.equal((await verdictOf(...TDX, "--policy", path)).exit, 5);
  });

  it("writes it to a file, with a source and a platform as told", async () => {
    const path = join(directory, "pinned.json");
    const args = ["--out", path, "--source", "build 7", "--pin-platform"];
    const { exit, stdout } = await shelter("policy", "new", ...TDX, ...args);
    assert.deepEqual([exit, stdout], [0, ""]);
    const { referenceValues, acceptedFmspcs } = parsePolicy(readFileSync(path, "utf8"), "policy");
    assert.deepEqual([referenceValues[0]?.source, acceptedFmspcs?.length], ["build 7", 1]);
  });

  for (const [what, args, word, code] of [
    ["simulated", SIMULATED, "simulated", "ERR_POLICY_SIMULATED"],
    ["debug", DEBUG, "debug", "ERR_POLICY_DEBUG"],
  ] as const) {
    it(`refuses ${what} evidence, and marks it where it is allowed`, async () => {
      const refused = await shelter("policy", "new", ...args);
      assert.deepEqual([refused.exit, refused.stdout, refused.stderr.includes(code)], [5, "", true]);
      const { exit, stdout } = await shelter("policy", "new", ...args, "--allow", word);
      const { allow, referenceValues } = parsePolicy(stdout, "policy");
      assert.deepEqual([exit, allow], [0, [word]]);
      assert.match(referenceValues[0]?.source ?? "", new RegExp(`^${word.toUpperCase()} evidence`, "u"));
    });
  }

  it("makes no policy of evidence that is not true or not complete", async () => {
    const tampered = await shelter("policy", "new", data("sgx-04-tampered.quote.bin"), ...TDX.slice(1));
    assert.deepEqual([tampered.exit, tampered.stdout, /^REFUSED/mu.test(tampered.stderr)], [3, "", true]);
    assert.equal((await shelter("policy", "new", data("tdx-01.quote.bin"))).exit, 4);
  });
});

describe("shelter policy check", { concurrency: 2 }, () => {
  const remarksOf = async (policy: object): Promise<readonly string[]> => {
    const { exit, stdout } = await shelter(
      "policy",
      "check",
      file("checked.json", JSON.stringify(policy)),
      "-o",
      "json",
    );
    assert.equal(exit, 0);
    return (JSON.parse(stdout) as { readonly remarks: readonly string[] }).remarks;
  };

  it("has nothing to say of a strict policy", async () => {
    const { stdout } = await shelter("policy", "new", ...TDX);
    const { exit, stdout: answer } = await shelter("policy", "check", file("strict.json", stdout));
    assert.deepEqual([exit, answer], [0, "the policy is well-formed\n"]);
  });

  it("names every word, and what is missing", async () => {
    const words = ["debug", "no-nonce"];
    const [debug, nonce, ...rest] = await remarksOf({
      allow: words,
      acceptedTcbStatuses: ["UpToDate", "SWHardeningNeeded"],
      referenceValues: [{ mrSigner: "ab".repeat(32), source: "build 7" }],
    });
    assert.match(debug ?? "", /^"debug" lets in/u);
    assert.match(nonce ?? "", /^"no-nonce" lets in/u);
    for (const member of ["acceptedAdvisories", "minEvaluationDataNumber", "isvProdId", "minIsvSvn"]) {
      assert.ok(
        rest.some((remark) => remark.includes(member)),
        member,
      );
    }
    assert.match((await remarksOf({}))[0] ?? "", /no reference values/u);
  });

  it("tries a policy on evidence, with the exit codes of verify", async () => {
    const { stdout } = await shelter("policy", "new", ...TDX, "--allow", "no-nonce");
    const policy = file("tried.json", stdout);
    assert.equal((await shelter("policy", "check", policy, ...TDX)).exit, 0);
    const { exit, stdout: answer } = await shelter("policy", "check", policy, ...DEBUG, "-o", "json");
    const { verdict } = JSON.parse(answer) as { readonly verdict: Verdict };
    assert.deepEqual([exit, verdict.verdict], [5, "refused"]);
  });

  it("ends with 1 for what is no policy, and with 2 without one", async () => {
    const { exit, stderr } = await shelter("policy", "check", file("none.json", '{"allow":["all"]}'));
    assert.deepEqual([exit, /ERR_POLICY_FORMAT/u.test(stderr)], [1, true]);
    assert.equal((await shelter("policy", "check")).exit, 2);
  });
});
