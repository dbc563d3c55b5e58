import { InclavareError, type ErrorCode } from "@inclavare/errors";

/** A JSON value in which an integer that a double cannot hold exactly is a bigint. */
export type WideJson = string | number | bigint | boolean | null | readonly WideJson[] | WideJsonObject;
export interface WideJsonObject {
  readonly [key: string]: WideJson;
}

export interface JsonInput {
  /** Which input it is, for messages. */
  readonly what: string;
  /** The code of what is thrown. */
  readonly code: ErrorCode;
  readonly limitBytes: number;
}

const MAX_DEPTH = 100;
/** Members and items, of all levels together. */
const MAX_VALUES = 250_000;
/** Far more than 64 bits or a double's digits need; longer ones cost quadratic time. */
const MAX_NUMBER_LENGTH = 400;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/uy;
const SPACE = /[ \t\n\r]*/uy;

/**
 * Parses JSON more strictly than `JSON.parse`: a name that appears twice in an object is an error, because other
 * parsers take another of the two; bytes must be UTF-8 without a byte order mark; size, depth and count are bounded.
 * Integers beyond 2^53 become bigints, so that {@link formatJson} gives them back unchanged.
 */
export function parseJson(input: Uint8Array | string, { what, code, limitBytes }: JsonInput): WideJson {
  const sizeBytes = typeof input === "string" ? Buffer.byteLength(input) : input.byteLength;
  if (sizeBytes > limitBytes) {
    throw new InclavareError(code, `${what} is ${sizeBytes} bytes long, at most ${limitBytes} are read`);
  }
  return new Parser(typeof input === "string" ? input : decodeUtf8(input, what, code), what, code).document();
}

function decodeUtf8(bytes: Uint8Array, what: string, code: ErrorCode): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new InclavareError(code, `${what} is not UTF-8`, { cause });
  }
}

class Parser {
  private position = 0;
  private values = 0;
  private readonly text: string;
  private readonly what: string;
  private readonly code: ErrorCode;

  constructor(text: string, what: string, code: ErrorCode) {
    this.text = text;
    this.what = what;
    this.code = code;
  }

  document(): WideJson {
    const value = this.value(0);
    this.space();
    if (this.position < this.text.length) throw this.failure("expected the end");
    return value;
  }

  private value(depth: number): WideJson {
    this.values += 1;
    if (this.values > MAX_VALUES) throw this.failure(`expected at most ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) throw this.failure(`expected at most ${MAX_DEPTH} levels`);
    this.space();
    switch (this.text.charAt(this.position)) {
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
      case '"':
        return this.string();
      case "t":
        return this.word("true", true);
      case "f":
        return this.word("false", false);
      case "n":
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  private object(depth: number): WideJsonObject {
    const members = new Map<string, WideJson>();
    this.position += 1;
    for (let first = true; !this.ends("}"); first = false) {
      if (!first) this.comma();
      this.space();
      const start = this.position;
      const key = this.string();
      if (members.has(key)) {
        this.position = start;
        throw this.failure(`expected every name once, ${JSON.stringify(key)} comes again`);
      }
      this.space();
      if (this.text[this.position] !== ":") throw this.failure("expected ':'");
      this.position += 1;
      members.set(key, this.value(depth + 1));
    }
    // fromEntries defines properties, so that a name such as __proto__ is one like any other.
    return Object.fromEntries(members);
  }

  private array(depth: number): WideJson[] {
    const items: WideJson[] = [];
    this.position += 1;
    while (!this.ends("]")) {
      if (items.length > 0) this.comma();
      items.push(this.value(depth + 1));
    }
    return items;
  }

  private ends(close: string): boolean {
    this.space();
    if (this.text[this.position] !== close) return false;
    this.position += 1;
    return true;
  }

  private comma(): void {
    if (this.text[this.position] !== ",") throw this.failure("expected ','");
    this.position += 1;
  }

  private string(): string {
    const start = this.position;
    if (this.text[start] !== '"') throw this.failure("expected a string");
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    this.position = end + 1;
    try {
      return JSON.parse(this.text.slice(start, this.position)) as string;
    } catch {
      this.position = start;
      throw this.failure("expected a string that ends, with known escapes");
    }
  }

  private number(): number | bigint {
    const found = this.match(NUMBER);
    if (found === undefined) throw this.failure("expected a value");
    const [token, fraction, exponent] = found;
    if (token.length > MAX_NUMBER_LENGTH)
      throw this.failure(`expected a number of at most ${MAX_NUMBER_LENGTH} characters`);
    const value = Number(token);
    if (fraction === undefined && exponent === undefined) return Number.isSafeInteger(value) ? value : BigInt(token);
    if (!Number.isFinite(value)) throw this.failure("expected a number within the range of a double");
    return value;
  }

  private word<T extends boolean | null>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.position)) throw this.failure("expected a value");
    this.position += word.length;
    return value;
  }

  private space(): void {
    this.match(SPACE);
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.position += found[0].length;
    return found;
  }

  private failure(expected: string): InclavareError {
    const before = this.text.slice(0, this.position);
    const line = before.split("\n").length;
    const column = before.length - before.lastIndexOf("\n");
    return new InclavareError(this.code, `${this.what}: ${expected} (line ${line}, column ${column})`, {
      details: { line, column },
    });
  }
}

type RawJson = (text: string) => unknown;

/** Writes JSON as `JSON.stringify` does, bigints as plain integers. */
export function formatJson(value: unknown, indent?: string): string {
  const { rawJSON } = JSON as unknown as { rawJSON: RawJson };
  return JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === "bigint" ? rawJSON(String(item)) : item),
    indent,
  );
}
