/** Verifies a TDX quote with the collateral beside it: node verify.ts QUOTE COLLATERAL [TIME] */
import { readFileSync } from "node:fs";
import { builtinTrustAnchors, parseCollateralBundle, verifyTdxQuote } from "@inclavare/attestation";

const [quote = "", collateral = "", time] = process.argv.slice(2);
const { measurement, tcb } = verifyTdxQuote({
  quote: readFileSync(quote),
  collateral: parseCollateralBundle(JSON.parse(readFileSync(collateral, "utf8")), collateral),
  trustAnchors: builtinTrustAnchors(),
  now: time === undefined ? new Date() : new Date(time),
});
console.log(JSON.stringify({ measurement, tcb }, null, 2));
