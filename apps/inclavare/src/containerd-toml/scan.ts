import { parse } from "smol-toml";

/** A statement of a TOML document where it stands in the text: offsets, ends exclusive. */
export interface Statement {
  /** `header`: a table, which lasts until the next one. `pair`: a key with its value. */
  readonly kind: "header" | "pair";
  /** Of a header the whole path, of a pair the key below the last header. */
  readonly path: readonly string[];
  readonly start: number;
  /** Of a pair: of its value; of a header: its end. */
  readonly valueStart: number;
  readonly end: number;
}

const BLANK = /(?:[ \t\r\n]|#[^\n]*)*/uy;
const BARE = /[^"'\]=]*/uy;
const MULTILINE_BASIC = /"""(?:[^\\]|\\[^])*?"{3,5}(?!")/uy;
const MULTILINE_LITERAL = /'''[^]*?'{3,5}(?!')/uy;
const BASIC = /"(?:[^"\\\n]|\\.)*"/uy;
const LITERAL = /'[^'\n]*'/uy;
const SCALAR = /[^,\]}\n#"'[{]+/uy;

/**
 * Finds the statements of a document, so that a part of its text can be changed and the rest stay as it is.
 * Precondition: `text` is valid TOML.
 */
export function scanStatements(text: string): Statement[] {
  const statements: Statement[] = [];
  for (let at = skip(BLANK, text, 0); at < text.length; at = skip(BLANK, text, statements.at(-1)?.end ?? at)) {
    const isHeader = text[at] === "[";
    const brackets = isHeader ? (text[at + 1] === "[" ? 2 : 1) : 0;
    const keyEnd = endOfKey(text, at + brackets);
    const path = pathOf(text.slice(at + brackets, keyEnd));
    const valueStart = isHeader ? keyEnd + brackets : skip(/[ \t]*/uy, text, keyEnd + 1);
    const end = isHeader ? valueStart : endOfValue(text, valueStart);
    statements.push({ kind: isHeader ? "header" : "pair", path, start: at, valueStart, end });
  }
  return statements;
}

function endOfKey(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = skip(BARE, text, at);
    if (text[at] !== '"' && text[at] !== "'") return at;
    at = endOfString(text, at);
  }
}

function pathOf(key: string): string[] {
  const path: string[] = [];
  for (let value: unknown = parse(`[${key}]`); ;) {
    const [entry] = Object.entries(value as Record<string, unknown>);
    if (entry === undefined) return path;
    path.push(entry[0]);
    value = entry[1];
  }
}

function endOfValue(text: string, from: number): number {
  let at = from;
  for (let depth = 0; ;) {
    const character = text[at];
    if (character === '"' || character === "'") at = endOfString(text, at);
    else if (character === "[" || character === "{") {
      depth += 1;
      at += 1;
    } else if (character === "]" || character === "}") {
      depth -= 1;
      at += 1;
    } else at = skip(SCALAR, text, at);
    if (depth === 0) return at - trailingBlanks(text.slice(from, at));
    at = skip(BLANK, text, at);
    if (text[at] === ",") at = skip(BLANK, text, at + 1);
  }
}

function endOfString(text: string, at: number): number {
  const basic = text[at] === '"';
  const isMultiline = text.startsWith(basic ? '"""' : "'''", at);
  if (isMultiline) return skip(basic ? MULTILINE_BASIC : MULTILINE_LITERAL, text, at);
  return skip(basic ? BASIC : LITERAL, text, at);
}

function trailingBlanks(value: string): number {
  return value.length - value.trimEnd().length;
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}
