import { InclavareError, isInclavareError, type JsonValue, toWireError } from "@inclavare/errors";

/** Longer reasons are cut, so that a refusal always fits its frame. */
const MAX_MESSAGE_CHARACTERS = 500;

/** A peer that broke the protocol, hung up, or has itself refused gets no answer. */
export function isToldToPeer(error: unknown): boolean {
  const silent = ["ERR_TLS_PROTOCOL", "ERR_TLS_CLOSED", "ERR_TLS_REFUSED_BY_PEER"] as const;
  return !silent.some((code) => isInclavareError(error, code));
}

/**
 * The body of a refuse frame: UTF-8 JSON `{"code","message"}`; the code is a stable one of ours. What no code describes is a
 * fault of this side, whose words are nothing for the peer.
 */
export function encodeRefusal(reason: unknown): Uint8Array {
  const { code, kind, message: words } = toWireError(reason);
  const message = kind === "internal" ? "internal fault" : words;
  return Buffer.from(JSON.stringify({ code, message: message.slice(0, MAX_MESSAGE_CHARACTERS) }), "utf8");
}

/**
 * The error that a refuse frame becomes on the side that was refused: ERR_TLS_REFUSED_BY_PEER, `details.code` and
 * `details.message` as the peer gave them. The peer is not trusted, so any bytes give an error of this code.
 */
export function decodeRefusal(body: Uint8Array): InclavareError {
  const { code, message } = readRefusal(body);
  return new InclavareError("ERR_TLS_REFUSED_BY_PEER", `the peer refused the connection: ${message} (${code})`, {
    details: { code, message },
  });
}

function readRefusal(body: Uint8Array): { code: string; message: string } {
  let value: JsonValue;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as JsonValue;
  } catch {
    return { code: "ERR_TLS_PROTOCOL", message: "without a readable reason" };
  }
  const record = typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  const { code, message } = record as { code?: JsonValue; message?: JsonValue };
  return {
    code: typeof code === "string" && /^ERR_[A-Z0-9_]{1,60}$/u.test(code) ? code : "ERR_TLS_PROTOCOL",
    message: printable(typeof message === "string" ? message : "without a reason"),
  };
}

/** The text goes to a terminal or a log: no control characters from a stranger. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ").slice(0, MAX_MESSAGE_CHARACTERS);
}
