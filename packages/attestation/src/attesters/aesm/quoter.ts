/** SGX quotes from aesmd, over reports of an enclave that chose its own report data. @see Intel SGX PSW, sgx_get_quote_ex */
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { decodeQuoteEnvelope, decodeReportBody } from "@inclavare/sgx";
import type { MessageOf } from "@inclavare/ttrpc";
import type { Evidence } from "../../evidence.ts";
import { assertCarries, expectReportData, type Quoter } from "../quoter.ts";
import { askAesm } from "./connection.ts";
import {
  ALGORITHM_ECDSA_P256,
  algorithmOf,
  aesmRequest,
  aesmResponse,
  ATT_KEY_ID_BYTES,
  errorText,
} from "./messages.ts";

export const AESM_SOCKET = "/var/run/aesmd/aesm.socket";
/** As Intel's own library waits. */
const DEFAULT_TIMEOUT_MS = 15_000;
const TARGET_INFO_BYTES = 512;
const REPORT_BYTES = 432;
const REPORT_BODY_BYTES = 384;
const MOST_KEY_IDS = 64;
const MOST_PUBLIC_KEY_ID_BYTES = 4096;
const MOST_QUOTE_BYTES = 64 * 1024;

/** What makes reports (EREPORT) of the one enclave that evidence is wanted of. */
export interface EnclaveReporter {
  /**
   * Who chooses REPORTDATA. Only the enclave's own code can bind a report to its keys; a report over what the host has
   * chosen, or over nothing, as the PAL API's local reports are, proves nothing about them and is refused.
   */
  readonly reportDataChosenBy: "enclave" | "host";
  /**
   * @param targetInfo 512 bytes: the quoting enclave's. @param reportData 64 bytes, which in-enclave code hashed itself.
   * @returns 432 bytes.
   */
  report(targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array>;
}

export interface AesmOptions {
  readonly reporter: EnclaveReporter;
  /** Left out: {@link AESM_SOCKET}. */
  readonly socketPath?: string;
  /** For each request. Left out: 15 seconds. */
  readonly timeoutMs?: number;
}

export function createAesmQuoter(options: AesmOptions): Quoter {
  const { reporter, socketPath = AESM_SOCKET, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const aesm = new Aesm(socketPath, timeoutMs);
  return {
    tee: "sgx",
    async evidence(reportData): Promise<Evidence> {
      expectReportData(reportData);
      if (reporter.reportDataChosenBy !== "enclave") {
        const message = "the enclave does not choose the report data of its reports, so that they bind nothing";
        throw new InclavareError("ERR_EVIDENCE_UNBOUND", message);
      }
      const keyId = await aesm.findEcdsaKey();
      const report = await reporter.report(await aesm.targetInfo(keyId), reportData);
      assertReport(report, reportData);
      const quote = await aesm.quote(report, keyId);
      assertSameBody(quote, report);
      return { format: "sgx-quote", quote };
    },
  };
}

/** @throws InclavareError ERR_EVIDENCE_UNBOUND */
function assertReport(report: Uint8Array, reportData: Uint8Array): void {
  if (report.length !== REPORT_BYTES) {
    const message = `the enclave's report has ${report.length} bytes, expected ${REPORT_BYTES}`;
    throw new InclavareError("ERR_EVIDENCE_UNBOUND", message);
  }
  assertCarries(decodeReportBody(report.subarray(0, REPORT_BODY_BYTES)).reportData, reportData, "the enclave's report");
}

/** aesmd is no part of any TEE: what it returns must be a quote of this very report. */
function assertSameBody(quote: Uint8Array, report: Uint8Array): void {
  try {
    const { tee, body } = decodeQuoteEnvelope(quote);
    if (tee === "sgx" && Buffer.compare(body, report.subarray(0, REPORT_BODY_BYTES)) === 0) return;
  } catch (cause) {
    if (!isInclavareError(cause)) throw cause;
    throw new InclavareError("ERR_AESM_PROTOCOL", "aesmd gave something else than a quote", { cause });
  }
  throw new InclavareError("ERR_EVIDENCE_UNBOUND", "aesmd gave a quote of another report than it was asked for");
}

type Request = Partial<MessageOf<typeof aesmRequest>>;
type Response = MessageOf<typeof aesmResponse>;

/** The operations of aesmd that ECDSA quotes take. */
class Aesm {
  readonly #socketPath: string;
  readonly #timeoutMs: number;

  constructor(socketPath: string, timeoutMs: number) {
    this.#socketPath = socketPath;
    this.#timeoutMs = timeoutMs;
  }

  /** The identity of aesmd's attestation key for ECDSA with P-256: 256 bytes. */
  async findEcdsaKey(): Promise<Uint8Array> {
    const timeout = this.#timeoutMs;
    const { count } = await this.#ask("getSupportedAttKeyIdNum", { getSupportedAttKeyIdNum: { timeout } });
    if (count > MOST_KEY_IDS) throw protocolError(`${count} attestation keys`, `at most ${MOST_KEY_IDS}`);
    const bufferSize = count * ATT_KEY_ID_BYTES;
    const { attKeyIds } =
      count === 0
        ? { attKeyIds: new Uint8Array(0) }
        : await this.#ask("getSupportedAttKeyIds", { getSupportedAttKeyIds: { bufferSize, timeout } });
    if (attKeyIds.length !== bufferSize) throw protocolError(`${attKeyIds.length} bytes of key ids`, `${bufferSize}`);
    for (let at = 0; at < bufferSize; at += ATT_KEY_ID_BYTES) {
      const id = attKeyIds.subarray(at, at + ATT_KEY_ID_BYTES);
      if (algorithmOf(id) === ALGORITHM_ECDSA_P256) return id;
    }
    throw new InclavareError("ERR_AESM", `aesmd has ${count} attestation keys, none of them for ECDSA with P-256`);
  }

  /** The quoting enclave's TARGETINFO. The first request only asks how long the key's public id is. */
  async targetInfo(attKeyId: Uint8Array): Promise<Uint8Array> {
    const base = { attKeyId, timeout: this.#timeoutMs };
    const first = { ...base, withPublicKeyId: false, bufferSize: 0n };
    const { publicKeyIdSize } = await this.#ask("initQuoteEx", { initQuoteEx: first });
    if (publicKeyIdSize === 0n || publicKeyIdSize > BigInt(MOST_PUBLIC_KEY_ID_BYTES)) {
      throw protocolError(`a public key id of ${publicKeyIdSize} bytes`, `1 to ${MOST_PUBLIC_KEY_ID_BYTES}`);
    }
    const second = { ...base, withPublicKeyId: true, bufferSize: publicKeyIdSize };
    const { targetInfo } = await this.#ask("initQuoteEx", { initQuoteEx: second });
    if (targetInfo.length === TARGET_INFO_BYTES) return targetInfo;
    throw protocolError(`a target info of ${targetInfo.length} bytes`, `${TARGET_INFO_BYTES}`);
  }

  async quote(report: Uint8Array, attKeyId: Uint8Array): Promise<Uint8Array> {
    const timeout = this.#timeoutMs;
    const { quoteSize } = await this.#ask("getQuoteSizeEx", { getQuoteSizeEx: { attKeyId, timeout } });
    if (quoteSize === 0 || quoteSize > MOST_QUOTE_BYTES) {
      throw protocolError(`a quote of ${quoteSize} bytes`, `1 to ${MOST_QUOTE_BYTES}`);
    }
    const request = { report, attKeyId, bufferSize: quoteSize, timeout };
    const { quote } = await this.#ask("getQuoteEx", { getQuoteEx: request });
    if (quote.length > 0 && quote.length <= quoteSize) return quote;
    throw protocolError(`a quote of ${quote.length} bytes`, `1 to ${quoteSize}`);
  }

  async #ask<K extends keyof Response>(operation: K, request: Request): Promise<NonNullable<Response[K]>> {
    const answer = await askAesm(this.#socketPath, aesmRequest.encode(request), this.#timeoutMs);
    let response: Response;
    try {
      response = aesmResponse.decode(answer);
    } catch (cause) {
      throw new InclavareError("ERR_AESM_PROTOCOL", `aesmd's answer to ${operation} is malformed`, { cause });
    }
    const part = response[operation];
    if (part === undefined) throw protocolError("an answer to another request", `one to ${operation}`);
    if (part.error !== 0) {
      const message = `aesmd answered ${operation} with ${errorText(part.error)}`;
      throw new InclavareError("ERR_AESM", message, { details: { operation, error: part.error } });
    }
    return part;
  }
}

function protocolError(came: string, expected: string): InclavareError {
  return new InclavareError("ERR_AESM_PROTOCOL", `aesmd gave ${came}, expected ${expected}`);
}
