/** The answers that Intel signs: one JSON object of a document and the signature over the document's exact text. */
import { InclavareError } from "@inclavare/errors";

export type DocumentName = "tcbInfo" | "enclaveIdentity" | "tcbEvaluationDataNumbers";

/** A document's text exactly as it was delivered, and r and s over it in hexadecimal. */
export interface SignedBody {
  readonly text: string;
  readonly signature: string;
}

const MOST_CHARACTERS = 1 << 20;
const SIGNATURE = /^[0-9a-fA-F]{128}$/u;

/**
 * Cuts an answer into its two members, in either order, with white space around them; the document is never re-serialised,
 * because the signature is over its text.
 * @param body may end in NUL, as C producers send it.
 * @throws InclavareError ERR_COLLATERAL_FORMAT
 */
export function splitSignedBody(body: string, name: DocumentName): SignedBody {
  const malformed = (rule: string, cause?: unknown): InclavareError =>
    new InclavareError("ERR_COLLATERAL_FORMAT", `the answer with ${name} ${rule}`, { cause });
  if (body.length > MOST_CHARACTERS) throw malformed(`is longer than ${MOST_CHARACTERS} characters`);
  const json = body.endsWith("\0") ? body.slice(0, -1) : body;
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw malformed("is not JSON", cause);
  }
  const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
  const members = isObject ? memberTexts(json) : new Map<string, string>();
  const text = members.get(name);
  const signature = isObject ? (parsed as Readonly<Record<string, unknown>>)["signature"] : undefined;
  if (text?.startsWith("{") !== true || typeof signature !== "string" || members.size !== 2) {
    throw malformed(`is not {"${name}": {…}, "signature": "…"}`);
  }
  if (!SIGNATURE.test(signature)) throw malformed("has a signature that is not 64 bytes in hexadecimal");
  return { text, signature };
}

/** The reverse of {@link splitSignedBody}. */
export function joinSignedBody({ text, signature }: SignedBody, name: DocumentName): string {
  return `{"${name}":${text},"signature":"${signature}"}`;
}

/**
 * The exact text of each member of an object.
 * @param json well-formed already, so that only strings and nesting have to be followed. A name that is there twice makes
 *   the object have no members: two parsers could take different ones.
 */
function memberTexts(json: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = skipSpace(json, json.indexOf("{") + 1);
  while (json[at] === '"') {
    const nameEnd = endOfValue(json, at);
    const start = skipSpace(json, json.indexOf(":", nameEnd) + 1);
    const end = endOfValue(json, start);
    const name = JSON.parse(json.slice(at, nameEnd)) as string;
    if (members.has(name)) return new Map();
    members.set(name, json.slice(start, end));
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
  return members;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (at < json.length && " \t\r\n".includes(json.charAt(at))) at += 1;
  return at;
}

/** Where the value that begins here ends. */
function endOfValue(json: string, from: number): number {
  let depth = 0;
  let inString = false;
  for (let at = from; at < json.length; at += 1) {
    const char = json.charAt(at);
    if (inString) {
      if (char === "\\") at += 1;
      else if (char === '"') inString = false;
      if (!inString && depth === 0) return at + 1;
      continue;
    }
    if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && ", \t\r\n".includes(char)) return at;
  }
  return json.length;
}
