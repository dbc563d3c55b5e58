/** Decoding of TDX quotes: bytes to fields. @see Intel TDX DCAP Quoting Library API, TD quote body; Intel TDX module ABI */
import type { QuoteEnvelope } from "@inclavare/sgx";
import { CheckFailure } from "../check.ts";
import { decodeDcapQuote } from "../dcap/decode.ts";
import type { TdxMeasurement } from "../measurement.ts";

/** What the TDX module says of a TD. All bytes are copies. */
export interface TdReport {
  /** 16 bytes: ISVSVN of the module, its major version, SVN of the SEAM loader, reserved. */
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  /** 8 bytes. */
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: bigint;
  readonly xfam: bigint;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  /** RTMR0 to RTMR3, 48 bytes each. */
  readonly rtmrs: readonly Uint8Array[];
  readonly reportData: Uint8Array;
  /** TDX 1.5 only: the SVNs of the module that is loaded now, and the hash of the bound service TDs. */
  readonly teeTcbSvn2?: Uint8Array;
  readonly mrServiceTd?: Uint8Array;
}

export interface TdxQuote extends QuoteEnvelope {
  readonly report: TdReport;
}

/** TDATTRIBUTES. The first byte, TUD, says that the TD is under debug: any bit of it makes it untrusted. */
export const TD_ATTRIBUTE = {
  underDebug: 0xffn,
  septVeDisable: 1n << 28n,
  migratable: 1n << 29n,
  pks: 1n << 30n,
  kl: 1n << 31n,
  perfmon: 1n << 63n,
} as const;

/** @throws CheckFailure ERR_EVIDENCE_FORMAT, also for a quote of SGX */
export function decodeTdxQuote(bytes: Uint8Array): TdxQuote {
  const quote = decodeDcapQuote(bytes);
  if (quote.tee === "tdx") return { ...quote, report: decodeTdReport(quote.body) };
  throw new CheckFailure("ERR_EVIDENCE_FORMAT", "the quote is not that of a TD", {
    expected: "td-report-1.0 or td-report-1.5",
    actual: quote.bodyType,
  });
}

/** @param body 584 bytes of TDX 1.0, or 648 bytes of TDX 1.5. */
function decodeTdReport(body: Uint8Array): TdReport {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const take = (offset: number, sizeBytes: number): Uint8Array =>
    new Uint8Array(body.subarray(offset, offset + sizeBytes));
  const isTdx15 = body.length === 648;
  return {
    teeTcbSvn: take(0, 16),
    mrSeam: take(16, 48),
    mrSignerSeam: take(64, 48),
    seamAttributes: take(112, 8),
    tdAttributes: view.getBigUint64(120, true),
    xfam: view.getBigUint64(128, true),
    mrTd: take(136, 48),
    mrConfigId: take(184, 48),
    mrOwner: take(232, 48),
    mrOwnerConfig: take(280, 48),
    rtmrs: [take(328, 48), take(376, 48), take(424, 48), take(472, 48)],
    reportData: take(520, 64),
    ...(isTdx15 ? { teeTcbSvn2: take(584, 16), mrServiceTd: take(600, 48) } : {}),
  };
}

export function measurementOfTd(report: TdReport): TdxMeasurement {
  const { tdAttributes, rtmrs, mrServiceTd } = report;
  const [rtmr0 = "", rtmr1 = "", rtmr2 = "", rtmr3 = ""] = rtmrs.map(hex);
  return {
    tee: "tdx",
    mrTd: hex(report.mrTd),
    rtmr0,
    rtmr1,
    rtmr2,
    rtmr3,
    mrConfigId: hex(report.mrConfigId),
    mrOwner: hex(report.mrOwner),
    mrOwnerConfig: hex(report.mrOwnerConfig),
    mrSeam: hex(report.mrSeam),
    ...(mrServiceTd === undefined ? {} : { mrServiceTd: hex(mrServiceTd) }),
    xfam: hex64(report.xfam),
    tdAttributes: hex64(tdAttributes),
    teeTcbSvn: hex(report.teeTcbSvn),
    debug: (tdAttributes & TD_ATTRIBUTE.underDebug) !== 0n,
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function hex64(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}
