/** Verification of SGX quotes, versions 3, 4 and 5. */
import { CheckList } from "../check.ts";
import { type DcapVerification, examineQuote } from "../dcap/examine.ts";
import { examinedNothing, type Examination, type VerifiedEvidence } from "../examination.ts";
import { addCollateralTime, toVerified } from "../verified.ts";
import { describeSgxQuote } from "./claims.ts";
import { decodeSgxQuote, measurementOf } from "./decode.ts";
import { SGX_RULES } from "./tcb.ts";

/**
 * Verifies an SGX quote: format, signatures, chains, revocation, time, TCB. Whether it is wanted is for `appraise`.
 * @throws InclavareError the code of the check that decides, with the whole list in `details.checks`
 */
export function verifySgxQuote(input: DcapVerification): VerifiedEvidence {
  const list = new CheckList();
  const examination = examineSgxQuote(input, list);
  addCollateralTime(list, examination.periods, { now: input.now, allowExpired: input.allowExpiredCollateral === true });
  return toVerified(examination, list);
}

/** Runs the whole list of checks. */
export function examineSgxQuote(input: DcapVerification, list: CheckList): Examination {
  const quote = list.run("quote-format", [], () => {
    const value = decodeSgxQuote(input.quote);
    const { header, certificationData } = value;
    return { value, message: `SGX quote version ${header.version}, certification data type ${certificationData.type}` };
  });
  if (quote === undefined) return examinedNothing("sgx");
  const { pck, tcb, isSimulated, ...findings } = examineQuote(quote, SGX_RULES, { input, list });
  return {
    tee: isSimulated ? "simulated" : "sgx",
    measurement: measurementOf(quote.reportBody),
    tcb: tcb ?? null,
    reportData: quote.reportBody.reportData,
    ...findings,
    conditions: [],
    claims: () => describeSgxQuote(quote, pck),
  };
}
