/** Verification of TDX quotes, versions 4 and 5. */
import { CheckList } from "../check.ts";
import { type DcapVerification, examineQuote } from "../dcap/examine.ts";
import { examinedNothing, type Examination, type VerifiedEvidence } from "../examination.ts";
import { addCollateralTime, toVerified } from "../verified.ts";
import { describeTdxQuote } from "./claims.ts";
import { tdConditions } from "./conditions.ts";
import { decodeTdxQuote, measurementOfTd } from "./decode.ts";
import { tdxRules } from "./tcb.ts";

/**
 * Verifies a TDX quote: format, signatures, chains, revocation, time, TDX module, TCB. Whether it is wanted is for
 * `appraise`.
 * @throws InclavareError the code of the check that decides, with the whole list in `details.checks`
 */
export function verifyTdxQuote(input: DcapVerification): VerifiedEvidence {
  const list = new CheckList();
  const examination = examineTdxQuote(input, list);
  addCollateralTime(list, examination.periods, { now: input.now, allowExpired: input.allowExpiredCollateral === true });
  return toVerified(examination, list);
}

/** Runs the whole list of checks. */
export function examineTdxQuote(input: DcapVerification, list: CheckList): Examination {
  const quote = list.run("quote-format", [], () => {
    const value = decodeTdxQuote(input.quote);
    const { header, bodyType, certificationData } = value;
    const body = bodyType === "td-report-1.5" ? "TDX 1.5" : "TDX 1.0";
    const message = `TDX quote version ${header.version}, ${body}, certification data type ${certificationData.type}`;
    return { value, message };
  });
  if (quote === undefined) return examinedNothing("tdx");
  const { pck, tcb, isSimulated, ...findings } = examineQuote(quote, tdxRules(quote.report), { input, list });
  return {
    tee: isSimulated ? "simulated" : "tdx",
    measurement: measurementOfTd(quote.report),
    tcb: tcb ?? null,
    reportData: quote.report.reportData,
    ...findings,
    conditions: tdConditions(quote.report),
    claims: () => describeTdxQuote(quote, pck),
  };
}
