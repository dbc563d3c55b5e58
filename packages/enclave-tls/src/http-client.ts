import {
  Agent,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  request as httpRequest,
} from "node:http";
import type { Duplex } from "node:stream";
import { fromWireError, InclavareError, isInclavareError, type JsonValue } from "@inclavare/errors";
import type { EnclaveTlsSocket } from "./socket.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path with query, encoded already. */
  readonly path: string;
  readonly body?: Uint8Array;
  /** Left out: `application/json` where there is a body. */
  readonly contentType?: string;
  /** From the first byte sent to the last byte received. */
  readonly timeoutMs: number;
  /** The largest answer that is taken; left out: 2 MiB. */
  readonly limitBytes?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** HTTP/1.1 over one connection that exists already; requests wait for each other. */
export interface HttpClient extends Disposable {
  /** @throws InclavareError the peer's own error for a problem answer; ERR_TLS_CLOSED, ERR_TLS_HTTP, ERR_DEADLINE */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** As `request`, with the answer read as JSON (ERR_TLS_HTTP where it is none). */
  requestJson(request: HttpRequest): Promise<unknown>;
  /**
   * Asks the peer to hand over the connection to another protocol; the client is of no further use.
   * @returns the stream after the peer's 101.
   */
  upgrade(request: HttpRequest, protocol: string): Promise<Duplex>;
  close(): void;
}

const DEFAULT_LIMIT_BYTES = 2 << 20;
const MAX_HEADER_BYTES = 16 << 10;

/** The client owns the socket: closing one closes the other. */
export function createHttpClient(socket: EnclaveTlsSocket): HttpClient {
  const agent = new SingleSocketAgent(socket);
  const close = (): void => {
    agent.destroy();
    socket.destroy();
  };
  return {
    request: (request) => send(agent, request),
    requestJson: async (request) => parseJson((await send(agent, request)).body, request),
    upgrade: (request, protocol) => sendUpgrade(agent, request, protocol),
    close,
    [Symbol.dispose]: close,
  };
}

/** Hands out its one socket again and again; once that is gone, every request fails. */
class SingleSocketAgent extends Agent {
  readonly #socket: EnclaveTlsSocket;

  constructor(socket: EnclaveTlsSocket) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
    this.#socket = socket;
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | undefined {
    if (!this.#socket.destroyed && this.#socket.writable) return this.#socket;
    // By the callback only: Node also calls this from an event, where nobody would catch what is thrown.
    const gone = new InclavareError("ERR_TLS_CLOSED", "the connection is closed");
    process.nextTick(() => done?.(gone, this.#socket));
    return undefined;
  }
}

async function send(agent: Agent, request: HttpRequest): Promise<HttpAnswer> {
  const outgoing = start(agent, request, {});
  return withDeadline(outgoing, request, async () => {
    const message = await once<IncomingMessage>(outgoing, "response");
    const body = await readAnswer(message, request.limitBytes ?? DEFAULT_LIMIT_BYTES);
    const status = message.statusCode ?? 0;
    const contentType = message.headers["content-type"] ?? "";
    if (status >= 400) throw problemOf(status, contentType, body);
    return { status, contentType, body };
  });
}

async function sendUpgrade(agent: Agent, request: HttpRequest, protocol: string): Promise<Duplex> {
  const outgoing = start(agent, request, { Connection: "Upgrade", Upgrade: protocol });
  return withDeadline(outgoing, request, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    outgoing.once("upgrade", (_message, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.once("response", (message) => {
      readAnswer(message, DEFAULT_LIMIT_BYTES)
        .then((body) => reject(problemOf(message.statusCode ?? 0, message.headers["content-type"] ?? "", body)))
        .catch(reject);
    });
    outgoing.once("error", reject);
    return promise;
  });
}

function start(agent: Agent, request: HttpRequest, extra: Record<string, string>): ClientRequest {
  const { method, path, body, contentType } = request;
  const entity =
    body === undefined
      ? {}
      : { "Content-Type": contentType ?? "application/json", "Content-Length": String(body.length) };
  const headers = { Host: "inclavare", ...entity, ...extra };
  const outgoing = httpRequest({ agent, method, path, headers, maxHeaderSize: MAX_HEADER_BYTES });
  outgoing.end(body);
  return outgoing;
}

async function withDeadline<T>(outgoing: ClientRequest, request: HttpRequest, work: () => Promise<T>): Promise<T> {
  const { method, path, timeoutMs } = request;
  const late = new InclavareError("ERR_DEADLINE", `${method} ${path} was not answered within ${timeoutMs} ms`);
  const timer = setTimeout(() => outgoing.destroy(late), timeoutMs);
  try {
    return await work();
  } catch (error) {
    outgoing.destroy();
    if (outgoing.errored === late) throw late;
    throw clientError(error, `${method} ${path}`);
  } finally {
    clearTimeout(timer);
    outgoing.on("error", () => {});
  }
}

function clientError(error: unknown, what: string): InclavareError {
  if (isInclavareError(error)) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code.startsWith("HPE_"))
    return new InclavareError("ERR_TLS_HTTP", `${what}: answer is not HTTP`, { cause: error });
  return new InclavareError("ERR_TLS_CLOSED", `${what}: connection closed without an answer`, { cause: error });
}

function once<T>(outgoing: ClientRequest, event: string): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  outgoing.once(event, resolve).once("error", reject);
  return promise;
}

async function readAnswer(message: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) {
      throw new InclavareError("ERR_TLS_HTTP", `answer is larger than ${limitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The peer's own error, where the answer is a problem of our form. */
function problemOf(status: number, contentType: string, body: Buffer): InclavareError {
  const unreadable = new InclavareError("ERR_TLS_HTTP", `peer answered with HTTP status ${status}`, {
    details: { status },
  });
  if (!contentType.startsWith("application/problem+json")) return unreadable;
  try {
    const { code, detail, details } = JSON.parse(body.toString("utf8")) as Record<string, JsonValue>;
    return fromWireError({ code, message: detail, details });
  } catch {
    return unreadable;
  }
}

function parseJson(body: Buffer, { method, path }: HttpRequest): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new InclavareError("ERR_TLS_HTTP", `${method} ${path}: answer is not JSON`);
  }
}
