import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { readCollateral } from "../../test/vectors.ts";
import { VerificationCache } from "../cache.ts";
import { verifyChain } from "./chain.ts";
import { parseQeIdentity } from "./qe-identity.ts";
import { parseTcbInfo } from "./tcb-info.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 200);
const {
  tcb_info: tcbInfo,
  qe_identity: qeIdentity,
  pck_crl_issuer_chain: chain,
} = readCollateral("sgx-01.collateral.json");
const { tcb_info: tcbInfoV2 } = readCollateral("sgx-03.collateral.json");

/** The text with a few characters replaced, or something else altogether. */
function texts(valid: string): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat(valid.length - 1), fc.string({ maxLength: 3 }));
  const changed = fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) => changes.reduce((text, [at, what]) => `${text.slice(0, at)}${what}${text.slice(at + 1)}`, valid));
  return fc.oneof({ weight: 4, arbitrary: changed }, { weight: 1, arbitrary: fc.json() }, fc.string());
}

describe("laws of collateral documents", () => {
  for (const [what, valid, parse] of [
    ["TCB Info version 3", tcbInfo, parseTcbInfo],
    ["TCB Info version 2", tcbInfoV2, parseTcbInfo],
    ["QE Identity", qeIdentity, parseQeIdentity],
    [
      "a chain",
      chain,
      (text: string) =>
        verifyChain("pck-crl", text, { code: "ERR_COLLATERAL_CHAIN", cache: new VerificationCache(), anchors: [] }),
    ],
  ] as const) {
    it(`any text gives ${what} or an InclavareError`, () => {
      assert.ok(parse(valid));
      fc.assert(
        fc.property(texts(valid), (text) => {
          try {
            parse(text);
          } catch (error) {
            assert.ok(isInclavareError(error), String(error));
          }
        }),
        { numRuns },
      );
    });
  }
});
