/** The one place that speaks HTTP to collateral services: bounded, with a deadline, and no way to be sent elsewhere. */
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, InclavareError, isInclavareError, type JsonValue } from "@inclavare/errors";

const MOST_BODY_BYTES = 8 << 20;
/** Issuer chains travel in headers, percent-encoded: about 5 kB each. */
const MOST_HEADER_BYTES = 64 << 10;
const MOST_ATTEMPTS = 3;
const LONGEST_WAIT_MS = 60_000;
const DEFAULT_WAIT_MS = 1_000;
const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;

export interface HttpOptions {
  /** PEM; left out: Node's own roots. Used for https only. */
  readonly ca?: string;
  /** Sent to https only: a name of this list must never cross a network in clear. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** Without query, which names the platform. */
  readonly url: string;
}

/**
 * Reads what an operator wrote as a service's address.
 * @throws InclavareError ERR_USAGE for other than http and https, and where it holds a password, a query or a fragment
 */
export function parseBaseUrl(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === "https:" || url?.protocol === "http:";
  if (url === undefined || !isHttp || url.username !== "" || url.password !== "" || url.search + url.hash !== "") {
    throw new InclavareError("ERR_USAGE", `${what} is no http or https URL without user, query and fragment`);
  }
  return url;
}

/**
 * GET of one artefact. Asks again where the service says that it is busy, if the wait fits into the deadline.
 * @throws InclavareError ERR_COLLATERAL_FETCH, ERR_COLLATERAL_NOT_FOUND, ERR_COLLATERAL_RATE_LIMIT with URL and status
 */
export async function httpGet(url: URL, options: HttpOptions, signal: AbortSignal): Promise<HttpAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await getOnce(url, options, signal);
    } catch (error) {
      const waitMs = isInclavareError(error, "ERR_COLLATERAL_RATE_LIMIT") ? retryAfterMs(error) : undefined;
      if (waitMs === undefined || waitMs > LONGEST_WAIT_MS || attempt >= MOST_ATTEMPTS) throw error;
      try {
        await delay(waitMs, undefined, { signal });
      } catch {
        throw error;
      }
    }
  }
}

/** How long a refused caller was told to wait, in milliseconds. */
export function retryAfterMs({ details }: InclavareError): number | undefined {
  const seconds = details["retryAfterSeconds"];
  return typeof seconds === "number" ? seconds * 1000 : undefined;
}

async function getOnce(url: URL, options: HttpOptions, signal: AbortSignal): Promise<HttpAnswer> {
  const place = `${url.origin}${url.pathname}`;
  try {
    const response = await open(url, options, signal);
    try {
      assertStatus(response, place);
      return { headers: response.headers, body: await readBody(response, place), url: place };
    } finally {
      response.destroy();
    }
  } catch (cause) {
    if (isInclavareError(cause)) throw cause;
    const reason = signal.aborted ? "did not answer within the deadline" : "cannot be reached";
    throw failure("ERR_COLLATERAL_FETCH", place, reason, { cause });
  }
}

async function open(url: URL, { ca, secretHeaders }: HttpOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const isSecure = url.protocol === "https:";
  if (!isSecure && secretHeaders !== undefined) {
    throw failure("ERR_COLLATERAL_FETCH", `${url.origin}${url.pathname}`, "is no https, and the API key is secret");
  }
  const options = {
    signal,
    agent: false,
    maxHeaderSize: MOST_HEADER_BYTES,
    headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "inclavare", ...secretHeaders },
  } as const;
  return await new Promise((resolve, reject) => {
    const request = isSecure
      ? requestHttps(url, { ...options, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) }, resolve)
      : requestHttp(url, options, resolve);
    request.on("error", reject);
    request.end();
  });
}

function assertStatus(response: IncomingMessage, place: string): void {
  const { statusCode: status = 0, headers } = response;
  const fail = (code: ErrorCode, reason: string, details: Readonly<Record<string, JsonValue>> = {}): never => {
    throw failure(code, place, reason, { status, details });
  };
  if (status === 200) {
    const encoding = headers["content-encoding"] ?? "identity";
    if (encoding !== "identity")
      fail("ERR_COLLATERAL_FETCH", `answered in encoding "${encoding}", which was not asked for`);
    return;
  }
  if (status === 404) fail("ERR_COLLATERAL_NOT_FOUND", "does not have it");
  if (status === 410) fail("ERR_COLLATERAL_NOT_FOUND", "no longer has this evaluation data number");
  if (status >= 300 && status < 400) fail("ERR_COLLATERAL_FETCH", "answered with a redirect, which is not followed");
  if (status === TOO_MANY_REQUESTS || status === UNAVAILABLE) {
    const seconds = parseRetryAfter(headers["retry-after"]);
    fail("ERR_COLLATERAL_RATE_LIMIT", `is busy, ask again in ${seconds} s`, { retryAfterSeconds: seconds });
  }
  const reason = status === 401 || status === 403 ? "does not let us in: is the API key right?" : "answered wrongly";
  fail("ERR_COLLATERAL_FETCH", reason);
}

/** Seconds, or a date of HTTP (RFC 9110, section 10.2.3). */
function parseRetryAfter(header: string | undefined): number {
  if (header === undefined) return DEFAULT_WAIT_MS / 1000;
  if (/^\d{1,9}$/u.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? DEFAULT_WAIT_MS / 1000 : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

async function readBody(response: IncomingMessage, place: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BODY_BYTES) {
      throw failure("ERR_COLLATERAL_FETCH", place, `sent more than ${MOST_BODY_BYTES} bytes`, { status: 200 });
    }
    chunks.push(chunk);
  }
  if (size === 0) throw failure("ERR_COLLATERAL_FETCH", place, "sent nothing", { status: 200 });
  return Buffer.concat(chunks, size);
}

interface FailureFacts {
  readonly status?: number;
  readonly details?: Readonly<Record<string, JsonValue>>;
  readonly cause?: unknown;
}

function failure(code: ErrorCode, url: string, reason: string, facts: FailureFacts = {}): InclavareError {
  const { status, details, cause } = facts;
  const text = status === undefined ? `${url} ${reason}` : `${url} ${reason} (status ${status})`;
  return new InclavareError(code, text, {
    ...(cause === undefined ? {} : { cause }),
    details: { url, ...(status === undefined ? {} : { status }), ...details },
  });
}
