/** Every exit code that a verdict can give, for every kind of evidence that can be verified. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Allowance, Verdict } from "@inclavare/attestation";
import { data, file, verdictOf } from "./program.ts";

interface Kind {
  readonly name: string;
  readonly evidence: string;
  readonly tee: Verdict["tee"];
  /** Time and trust: what is given in any case. */
  readonly always: readonly string[];
  /** Without it nothing is known; empty where evidence brings all that it needs. */
  readonly beside: readonly string[];
  /** All that a policy must allow. */
  readonly words: readonly Allowance[];
  /** A byte that a signature covers. */
  readonly signedByte: number;
  /** Carries the keys that signed it, so that a change shows without anything beside it. */
  readonly provesItself: boolean;
}

const CERTIFICATE = data("ratls/syn-sgx-cert.pem");
const JUNE = ["--time", "2025-06-15T00:00:00Z"];

const KINDS: readonly Kind[] = [
  {
    name: "an SGX quote",
    evidence: data("sgx-01.quote.bin"),
    tee: "sgx",
    always: ["--time", "2025-07-04T00:00:00Z"],
    beside: ["--collateral", data("sgx-01.collateral.json")],
    words: ["configuration-needed", "sw-hardening-needed"],
    signedByte: 112,
    provesItself: true,
  },
  {
    name: "a TDX quote",
    evidence: data("tdx-01.quote.bin"),
    tee: "tdx",
    always: ["--time", "2025-07-04T00:00:00Z"],
    beside: ["--collateral", data("tdx-01.collateral.json")],
    words: [],
    signedByte: 200,
    provesItself: true,
  },
  {
    name: "an SEV-SNP report",
    evidence: data("snp/genoa-v3-a.report.bin"),
    tee: "sev-snp",
    always: ["--time", "2025-12-01T00:00:00Z"],
    beside: ["--endorsement", data("snp/genoa-v3-a.vek.der"), "--endorsement", data("snp/chain-genoa.pem")],
    words: ["no-revocation"],
    signedByte: 0x90,
    provesItself: false,
  },
  {
    name: "a CCA token",
    evidence: data("cca/cca_token.cbor"),
    tee: "simulated",
    always: JUNE,
    beside: ["--trust", data("cca/cca_platform.pub")],
    words: ["simulated"],
    signedByte: 200,
    provesItself: false,
  },
  {
    name: "a PSA token",
    evidence: data("psa/syn-psa-token.cbor"),
    tee: "simulated",
    always: JUNE,
    beside: ["--trust", data("psa/syn-psa-device.pub")],
    words: ["simulated"],
    signedByte: 100,
    provesItself: false,
  },
  {
    name: "a Nitro document",
    evidence: data("nitro/nitro-a.cose"),
    tee: "nitro",
    always: ["--time", "2021-09-09T10:19:20Z"],
    beside: [],
    words: ["debug"],
    signedByte: 150,
    provesItself: true,
  },
  {
    name: "a certificate",
    evidence: CERTIFICATE,
    tee: "simulated",
    always: [...JUNE, "--trust", data("ratls/syn-sgx-cert.root.pem")],
    beside: ["--collateral", data("ratls/syn-sgx-cert.collateral.json")],
    words: ["simulated"],
    signedByte: 0,
    provesItself: true,
  },
];

function allow(words: readonly Allowance[]): string[] {
  return words.flatMap((word) => ["--allow", word]);
}

/** The evidence with one bit flipped; a certificate with that of somebody else's key. */
function tampered({ name, evidence, signedByte }: Kind): string {
  if (evidence === CERTIFICATE) return data("ratls/syn-sgx-cert-stolen.pem");
  const bytes = readFileSync(evidence);
  bytes[signedByte] = (bytes[signedByte] ?? 0) ^ 1;
  return file(name.replaceAll(" ", "-"), bytes);
}

for (const kind of KINDS) {
  const { name, evidence, tee, always, beside, words, provesItself } = kind;
  const whole = [...always, ...beside];
  const needed: readonly Allowance[] = [...words, "no-nonce", "no-reference"];

  describe(`shelter verify of ${name}`, { concurrency: 2 }, () => {
    it("ends with 0 where the policy accepts it, with no word too many", async () => {
      const { exit, verdict } = await verdictOf(evidence, ...whole, ...allow(needed));
      assert.deepEqual([exit, verdict.verdict, verdict.tee], [0, "accepted", tee]);
      const exceptions = verdict.checks.filter(({ result }) => result === "allowed");
      assert.ok(exceptions.length >= 2, "no-nonce and no-reference at least");
    });

    it(`ends with 3 where it was changed, whatever is allowed${provesItself ? ", also alone" : ""}`, async () => {
      for (const given of provesItself ? [whole, always] : [whole]) {
        const { exit, verdict } = await verdictOf(tampered(kind), ...given, ...allow(needed));
        assert.deepEqual([exit, verdict.verdict, verdict.validUntil, verdict.boundKey], [3, "refused", null, null]);
      }
    });

    if (beside.length > 0) {
      it("ends with 4 where something is missing beside it, whatever is allowed", async () => {
        const { exit, verdict } = await verdictOf(evidence, ...always, ...allow(needed));
        assert.deepEqual([exit, verdict.verdict], [4, "refused"]);
      });
    }

    it("ends with 5 by default, and without any one of the words", async () => {
      for (const left of [needed, ...needed.map((word) => [word])]) {
        const given = needed.filter((word) => !left.includes(word));
        const { exit, verdict } = await verdictOf(evidence, ...whole, ...allow(given));
        assert.deepEqual([exit, verdict.verdict], [5, "refused"], left.join(" "));
      }
    });

    it("ends with 6 where no policy is applied", async () => {
      const { exit, verdict } = await verdictOf(evidence, ...whole, "--evidence-only");
      assert.deepEqual([exit, verdict.verdict, verdict.tee], [6, "verified", tee]);
    });
  });
}
