/** SGX quotes from Gramine, inside the enclave that it runs. @see Gramine documentation, attestation, /dev/attestation */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { decodeQuoteEnvelope, decodeReportBody } from "@inclavare/sgx";
import type { Evidence } from "../evidence.ts";
import { Queue } from "./queue.ts";
import { assertCarries, expectReportData, type Quoter } from "./quoter.ts";

export const GRAMINE_DIRECTORY = "/dev/attestation";
const DEFAULT_TIMEOUT_MS = 30_000;

export interface GramineOptions {
  /** Left out: {@link GRAMINE_DIRECTORY}. */
  readonly directory?: string;
  /** For one quote, the time in the queue included. Left out: 30 seconds. */
  readonly timeoutMs?: number;
}

/**
 * Report data and quote are two files of this process: it asks for one quote at a time.
 * @throws InclavareError ERR_LIBOS_ATTESTATION where there is no Gramine, or its manifest has no DCAP attestation
 */
export async function openGramineQuoter(options: GramineOptions = {}): Promise<Quoter> {
  const { directory = GRAMINE_DIRECTORY, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const reason = await whyNoGramine(directory);
  if (reason !== undefined) throw new InclavareError("ERR_LIBOS_ATTESTATION", reason);
  const queue = new Queue("Gramine");
  return {
    tee: "sgx",
    async evidence(reportData): Promise<Evidence> {
      expectReportData(reportData);
      const quote = await queue.run(async () => await askGramine(directory, reportData), timeoutMs);
      assertQuote(quote, reportData);
      return { format: "sgx-quote", quote };
    },
  };
}

/** Why there is no quote to be had here; `undefined` where there is. */
export async function whyNoGramine(directory: string = GRAMINE_DIRECTORY): Promise<string | undefined> {
  const file = join(directory, "attestation_type");
  let type: string;
  try {
    type = (await readFile(file, "utf8")).replaceAll("\0", "").trim();
  } catch {
    return `${file} cannot be read: this is not Gramine, or it is Gramine without SGX`;
  }
  return type === "dcap"
    ? undefined
    : `${file} says "${type.slice(0, 32)}", expected "dcap": see sgx.remote_attestation`;
}

async function askGramine(directory: string, reportData: Uint8Array): Promise<Uint8Array> {
  try {
    await writeFile(join(directory, "user_report_data"), reportData, { flag: "r+" });
    return new Uint8Array(await readFile(join(directory, "quote")));
  } catch (cause) {
    throw new InclavareError("ERR_LIBOS_ATTESTATION", `Gramine gave no quote in ${directory}`, { cause });
  }
}

function assertQuote(quote: Uint8Array, reportData: Uint8Array): void {
  try {
    const { tee, body } = decodeQuoteEnvelope(quote);
    if (tee !== "sgx") throw new InclavareError("ERR_LIBOS_ATTESTATION", `Gramine gave a quote of ${tee}`);
    assertCarries(decodeReportBody(body).reportData, reportData, "Gramine's quote");
  } catch (error) {
    if (!isInclavareError(error, "ERR_QUOTE_FORMAT") && !isInclavareError(error, "ERR_QUOTE_VERSION")) throw error;
    const message = `Gramine gave ${quote.length} bytes that are no quote`;
    throw new InclavareError("ERR_LIBOS_ATTESTATION", message, { cause: error });
  }
}
