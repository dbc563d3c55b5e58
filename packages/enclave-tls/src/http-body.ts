import type { IncomingMessage, ServerResponse } from "node:http";
import { InclavareError, toHttpProblem } from "@inclavare/errors";

/** Sends an error as `application/problem+json` (RFC 9457), without its causes. */
export function sendProblem(response: ServerResponse, thrown: unknown): void {
  const problem = toHttpProblem(thrown);
  // The unread rest of a refused body would be taken for the next request.
  if (!response.req.complete) response.setHeader("Connection", "close");
  sendBody(response, { status: problem.status, contentType: "application/problem+json", body: toJson(problem) });
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendBody(response, { status, contentType: "application/json", body: toJson(value) });
}

/** Sends a whole answer that no cache may keep. */
export function sendBody(
  response: ServerResponse,
  { status, contentType, body }: { readonly status: number; readonly contentType: string; readonly body: Uint8Array },
): void {
  const headers = { "Content-Type": contentType, "Content-Length": body.length, "Cache-Control": "no-store" };
  response.writeHead(status, headers).end(body);
}

/**
 * The whole body of a request.
 * @throws InclavareError ERR_BODY_TOO_LARGE as soon as the limit is passed or announced, ERR_TLS_CLOSED
 */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    if (announced <= limitBytes) {
      // Leaving the loop must not destroy the request: its sender is still to be told.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > limitBytes) break;
        chunks.push(chunk);
      }
    }
  } catch (error) {
    throw new InclavareError("ERR_TLS_CLOSED", "request broke off before its body was complete", { cause: error });
  }
  if (Math.max(announced, size) <= limitBytes) return Buffer.concat(chunks);
  throw new InclavareError("ERR_BODY_TOO_LARGE", `request body is larger than ${limitBytes} bytes`);
}

function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), "utf8");
}
