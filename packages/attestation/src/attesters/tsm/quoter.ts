/** Evidence of a guest that is a TEE as a whole: TDX, SEV-SNP, through configfs-tsm. */
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { decodeQuoteEnvelope } from "@inclavare/sgx";
import { endorsementToPem } from "../../endorsement-file.ts";
import type { Evidence, Tee } from "../../evidence.ts";
import { decodeCcaToken } from "../../cca/decode.ts";
import { decodeSnpReport } from "../../snp/decode.ts";
import { decodeTdxQuote } from "../../tdx/decode.ts";
import { Queue } from "../queue.ts";
import { assertCarries, expectReportData, type Quoter } from "../quoter.ts";
import { kernelFiles, type TsmFiles } from "./files.ts";
import { requestTsmReport, sweepTsmReports, TSM_DIRECTORY, type TsmReport } from "./report.ts";

/** A report goes through the host; on TDX it may take seconds. */
const DEFAULT_TIMEOUT_MS = 30_000;
const PROVIDERS: Readonly<Record<string, GuestTee>> = { tdx_guest: "tdx", sev_guest: "sev-snp", arm_cca_guest: "cca" };

/** TEEs that are a whole guest. */
type GuestTee = Extract<Tee, "tdx" | "sev-snp" | "cca">;

export interface TsmOptions {
  /** Left out: {@link TSM_DIRECTORY}. */
  readonly directory?: string;
  /** SEV-SNP: the VMPL of the report, 0 to 3. Left out: the driver's own. */
  readonly privilegeLevel?: number;
  /** For one report, the time in the queue included. Left out: 30 seconds. */
  readonly timeoutMs?: number;
  /** Left out: the kernel's. */
  readonly files?: TsmFiles;
}

/**
 * Finds out, by one report, which TEE this guest is in.
 * @throws InclavareError ERR_TSM_UNAVAILABLE, ERR_PRIVILEGE, ERR_TSM, ERR_DEADLINE; ERR_EVIDENCE_UNSUPPORTED for a provider
 *   that is not known
 */
export async function openTsmQuoter(options: TsmOptions = {}): Promise<Quoter> {
  const { directory = TSM_DIRECTORY, timeoutMs = DEFAULT_TIMEOUT_MS, files = kernelFiles, privilegeLevel } = options;
  const queue = new Queue("configfs-tsm");
  const ask = async (reportData: Uint8Array): Promise<TsmReport> => {
    expectReportData(reportData);
    const request = { directory, reportData, ...(privilegeLevel === undefined ? {} : { privilegeLevel }) };
    return await queue.run(async () => await requestTsmReport(files, request), timeoutMs);
  };
  await sweepTsmReports(files, directory, isAlive);
  const { provider } = await ask(new Uint8Array(64));
  const tee = PROVIDERS[provider];
  if (tee === undefined) {
    throw new InclavareError(
      "ERR_EVIDENCE_UNSUPPORTED",
      `configfs-tsm has the provider "${provider}", which is not known`,
    );
  }
  return {
    tee,
    evidence: async (reportData) => {
      const report = await ask(reportData);
      if (report.provider !== provider) {
        throw new InclavareError("ERR_TSM", `the provider was "${provider}" and is now "${report.provider}"`);
      }
      return toEvidence(report, tee, reportData);
    },
  };
}

/** Why there is no report to be had here; `undefined` where nothing speaks against it: whether a driver is there, only a request shows. */
export async function whyNoTsm({ directory = TSM_DIRECTORY, files = kernelFiles }: TsmOptions = {}): Promise<
  string | undefined
> {
  try {
    await files.list(directory);
    return undefined;
  } catch {
    return `there is no ${directory}: no TEE guest, or Linux before 6.7`;
  }
}

/** @throws InclavareError ERR_EVIDENCE_UNBOUND, ERR_EVIDENCE_UNSUPPORTED */
function toEvidence({ outblob, auxblob }: TsmReport, tee: GuestTee, reportData: Uint8Array): Evidence {
  if (tee === "tdx") {
    const quote = inForm(() => decodeQuoteEnvelope(outblob), "no TDX quote (a token of the platform's own, perhaps)");
    if (quote.tee !== "tdx") {
      throw new InclavareError("ERR_EVIDENCE_UNSUPPORTED", `configfs-tsm gave a quote of ${quote.tee}, expected TDX`);
    }
    assertCarries(decodeTdxQuote(outblob).report.reportData, reportData, "the TDX quote");
    return { format: "tdx-quote", quote: outblob };
  }
  if (tee === "sev-snp") {
    const report = inForm(() => decodeSnpReport(outblob), "no SEV-SNP report");
    assertCarries(report.reportData, reportData, "the SEV-SNP report");
    const endorsements = auxblob === undefined ? "" : endorsementToPem(auxblob, "the host's certificate table");
    return { format: "snp-report", quote: outblob, ...(endorsements === "" ? {} : { endorsements }) };
  }
  const { realm } = inForm(() => decodeCcaToken(outblob), "no CCA token");
  assertCarries(realm.claims.challenge, reportData, "the CCA token");
  return { format: "cca-token", quote: outblob };
}

function inForm<T>(decode: () => T, what: string): T {
  try {
    return decode();
  } catch (cause) {
    if (!isInclavareError(cause)) throw cause;
    throw new InclavareError("ERR_EVIDENCE_UNSUPPORTED", `configfs-tsm gave ${what}`, { cause });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
