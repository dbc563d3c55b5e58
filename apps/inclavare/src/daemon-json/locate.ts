/** Where a member of a JSON object stands in the text: offsets, ends exclusive. */
export interface MemberSpan {
  readonly name: string;
  /** Of the name's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/** An object in the text, from its opening brace to behind its closing one. */
export interface ObjectSpan {
  readonly start: number;
  readonly end: number;
  readonly members: readonly MemberSpan[];
}

const SPACE = /[ \t\n\r]*/uy;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/uy;
const SCALAR = /[^ \t\n\r,\]}]+/uy;

/**
 * Finds an object and its members.
 * Preconditions: `text` is valid JSON with bounded depth, and an object starts at `at` or after the spaces there.
 */
export function locateObject(text: string, at: number): ObjectSpan {
  const start = skip(SPACE, text, at);
  const members: MemberSpan[] = [];
  let position = skip(SPACE, text, start + 1);
  while (text[position] !== "}") {
    const nameEnd = skip(STRING, text, position);
    const valueStart = skip(SPACE, text, skip(SPACE, text, nameEnd) + 1);
    const end = valueEnd(text, valueStart);
    members.push({ name: JSON.parse(text.slice(position, nameEnd)) as string, start: position, valueStart, end });
    position = skip(SPACE, text, end);
    if (text[position] === ",") position = skip(SPACE, text, position + 1);
  }
  return { start, end: position + 1, members };
}

function valueEnd(text: string, at: number): number {
  if (text[at] === '"') return skip(STRING, text, at);
  if (text[at] !== "{" && text[at] !== "[") return skip(SCALAR, text, at);
  let position = at;
  for (let depth = 0; ;) {
    const character = text[position];
    if (character === '"') {
      position = skip(STRING, text, position);
      continue;
    }
    if (character === "{" || character === "[") depth += 1;
    if (character === "}" || character === "]") depth -= 1;
    position += 1;
    if (depth === 0) return position;
  }
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}
