/** The first WebAssembly frame of a stack: `at NAME (wasm://wasm/HASH:wasm-function[INDEX]:0xOFFSET)`. */
const FRAME = /at (?:(\S+) \()?wasm:\/\/wasm\/[^\s:]*:wasm-function\[(\d+)\]:(0x[0-9a-f]+)/u;
const MAX_LENGTH = 500;

/** What V8 says, where the WebAssembly specification has a clearer word for it. */
const CLEARER: Readonly<Record<string, string>> = {
  unreachable: "unreachable instruction executed",
  "Maximum call stack size exceeded": "call stack exhausted",
};

/** Why a guest trapped, and where: one line without control characters. */
export function describeTrap(thrown: unknown): string {
  const error = thrown instanceof Error ? thrown : undefined;
  const message = error?.message ?? "uncaught exception";
  const cause = CLEARER[message] ?? message;
  return oneLine(`${cause}${placeOf(error?.stack)}`);
}

function placeOf(stack: string | undefined): string {
  const match = stack === undefined ? null : FRAME.exec(stack);
  if (match === null) return "";
  const [, name, index, offset] = match;
  return ` in ${name === undefined ? "" : `${name}, `}function ${index} at ${offset}`;
}

/** The guest chose the names in it; they must not write to a terminal what looks like something else. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, MAX_LENGTH);
}
