import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type EnclaveTlsSocket, readBody, sendBody, sendJson } from "@inclavare/enclave-tls";
import { InclavareError } from "@inclavare/errors";
import { connectAttestSocket } from "./attest-socket.ts";
import { carry, TUNNEL_PROTOCOL } from "./tunnel.ts";
import type { Workloads } from "./workloads.ts";

const MAX_EVIDENCE_REQUEST_BYTES = 64 << 10;
/** A workload's name as the enclave manifest allows it. */
const WORKLOAD_NAME = /^[\w.:@/+-]{1,128}$/u;
const CONTAINER_NAME = /^[\w+.-]{1,255}$/u;
const NONCE = /^(?:[0-9a-f]{2}){8,64}$/iu;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u;

export interface RouteOptions {
  readonly workloads: Workloads;
  readonly timeoutMs: number;
  readonly tunnelIdleMs: number;
}

/** `GET /v1/workloads` and `POST /v1/workloads/NAME/evidence`. */
export async function handleRequest(
  { workloads }: RouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = parseTarget(request);
  if (url.pathname === "/v1/workloads") {
    assertMethod(request, "GET");
    sendJson(response, 200, await workloads.list());
    return;
  }
  const { name, container } = parseWorkloadPath(url, "evidence");
  assertMethod(request, "POST");
  const body = parseEvidenceRequest(await readBody(request, MAX_EVIDENCE_REQUEST_BYTES));
  const evidence = await workloads.evidence(await workloads.resolve(name, container), body);
  sendBody(response, { status: 200, contentType: "application/cbor", body: evidence });
}

/** `POST /v1/workloads/NAME/tunnel`: 101, then the connection belongs to the workload. */
export async function handleUpgrade(
  { workloads, timeoutMs, tunnelIdleMs }: RouteOptions,
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  const { name, container } = parseWorkloadPath(parseTarget(request), "tunnel");
  assertMethod(request, "POST");
  if (request.headers.upgrade?.toLowerCase() !== TUNNEL_PROTOCOL) {
    throw new InclavareError("ERR_REQUEST", `expected Upgrade: ${TUNNEL_PROTOCOL}`);
  }
  const { found } = await workloads.resolve(name, container);
  const workload = await connectAttestSocket(found, timeoutMs);
  const lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", `Upgrade: ${TUNNEL_PROTOCOL}`];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) workload.write(head);
  await carry(socket as EnclaveTlsSocket, workload, tunnelIdleMs);
}

function parseTarget(request: IncomingMessage): URL {
  const url = URL.parse(request.url ?? "", "http://inclavare");
  if (url === null) throw new InclavareError("ERR_REQUEST", "request target is not a path");
  return url;
}

function parseWorkloadPath(url: URL, action: string): { name: string; container: string | undefined } {
  const parts = /^\/v1\/workloads\/([^/]+)\/([a-z]+)$/u.exec(url.pathname);
  const [, encoded = "", asked] = parts ?? [];
  if (asked !== action) throw new InclavareError("ERR_ROUTE_UNKNOWN", `there is nothing at ${url.pathname}`);
  const container = url.searchParams.get("container") ?? undefined;
  const name = decodeName(encoded);
  if (!WORKLOAD_NAME.test(name))
    throw new InclavareError("ERR_REQUEST", "workload name has characters that none may have");
  if (container !== undefined && !CONTAINER_NAME.test(container)) {
    throw new InclavareError("ERR_REQUEST", "container id has characters that none may have");
  }
  return { name, container };
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new InclavareError("ERR_REQUEST", "workload name is not percent-encoded UTF-8");
  }
}

function assertMethod(request: IncomingMessage, method: string): void {
  if (request.method !== method) throw new InclavareError("ERR_ROUTE_UNKNOWN", `only ${method} is answered here`);
}

/** The request as it goes on to the workload: only the members that are known, and only in their form. */
function parseEvidenceRequest(body: Buffer): Buffer {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new InclavareError("ERR_JSON", "request body is not JSON", { cause: error });
  }
  const { nonce, application } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof nonce !== "string" || !NONCE.test(nonce)) {
    throw new InclavareError("ERR_NONCE", "nonce is not 8 to 64 bytes in hexadecimal");
  }
  if (application !== undefined && (typeof application !== "string" || !BASE64.test(application))) {
    throw new InclavareError("ERR_REQUEST", "application is not base64");
  }
  return Buffer.from(JSON.stringify({ nonce, application }), "utf8");
}
