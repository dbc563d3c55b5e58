/** The fields of a TDX quote under the names that Intel's documents give them. */
import { describeEnvelope, type Fields, hex, word } from "../dcap/claims.ts";
import type { PckExtensions } from "../dcap/pck-extensions.ts";
import { TD_ATTRIBUTE, type TdReport, type TdxQuote } from "./decode.ts";

/** The TD's own fields stand at the top; header, QE report and platform are groups of their own. */
export function describeTdxQuote(quote: TdxQuote, pck: PckExtensions | undefined): Fields {
  return { ...describeTd(quote.report), ...describeEnvelope(quote, pck) };
}

function describeTd(report: TdReport): Fields {
  const { tdAttributes, rtmrs, teeTcbSvn2, mrServiceTd } = report;
  const names = Object.entries(TD_ATTRIBUTE).filter(([, bits]) => (tdAttributes & bits) !== 0n);
  return {
    TEE_TCB_SVN: hex(report.teeTcbSvn),
    MRSEAM: hex(report.mrSeam),
    MRSIGNERSEAM: hex(report.mrSignerSeam),
    SEAMATTRIBUTES: hex(report.seamAttributes),
    TDATTRIBUTES: word(tdAttributes, 8),
    "TDATTRIBUTES set": names.map(([name]) => ATTRIBUTE_NAMES[name as keyof typeof TD_ATTRIBUTE]),
    XFAM: word(report.xfam, 8),
    MRTD: hex(report.mrTd),
    MRCONFIGID: hex(report.mrConfigId),
    MROWNER: hex(report.mrOwner),
    MROWNERCONFIG: hex(report.mrOwnerConfig),
    ...Object.fromEntries(rtmrs.map((rtmr, index) => [`RTMR${index}`, hex(rtmr)])),
    REPORTDATA: hex(report.reportData),
    ...(teeTcbSvn2 === undefined ? {} : { TEE_TCB_SVN_2: hex(teeTcbSvn2) }),
    ...(mrServiceTd === undefined ? {} : { MRSERVICETD: hex(mrServiceTd) }),
  };
}

const ATTRIBUTE_NAMES: Readonly<Record<keyof typeof TD_ATTRIBUTE, string>> = {
  underDebug: "TUD",
  septVeDisable: "SEPT_VE_DISABLE",
  migratable: "MIGRATABLE",
  pks: "PKS",
  kl: "KL",
  perfmon: "PERFMON",
};
