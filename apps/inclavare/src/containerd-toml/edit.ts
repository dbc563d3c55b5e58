import { stringify } from "smol-toml";
import { invalid, isSame, isTable, parseContainerdConfig, runtimeNamed, runtimesPath, type Table } from "./document.ts";
import { scanStatements, type Statement } from "./scan.ts";

/** Stands above what we add; goes with it. */
const MARK = "# Made by 'inclavare install containerd'; its --undo takes it out.";

/** Tables of runtimes by their names. */
export type Runtimes = Readonly<Record<string, Table>>;

/**
 * A configuration with runtimes added at its end; everything else keeps its text, comments included.
 * Preconditions: none of them is there.
 * @throws ERR_CONTAINERD_CONFIG when the runtimes are written in a form to which no table can be added
 */
export function addRuntimes(text: string, runtimes: Runtimes, what: string): string {
  const { version } = parseContainerdConfig(text, what);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" || text.endsWith("\n") ? "" : newline;
  const added = renderRuntimes(runtimes, runtimesPath(version)).replaceAll("\n", newline);
  const edited = `${text}${gap}${text === "" ? "" : newline}${added}`;
  let after: ReturnType<typeof parseContainerdConfig>;
  try {
    after = parseContainerdConfig(edited, what);
  } catch (cause) {
    throw invalid(
      `${what}: nothing can be added to runtimes in the form in which they are; write them as [tables]`,
      cause,
    );
  }
  for (const [name, table] of Object.entries(runtimes))
    if (!isSame(runtimeNamed(after, name), table)) throw invalid(`${what}: the runtime ${name} did not get in`);
  return edited;
}

/** The tables as text, under our mark. */
export function renderRuntimes(runtimes: Runtimes, path: readonly string[]): string {
  const prefix = path.map((step) => (/^[\w-]+$/u.test(step) ? step : JSON.stringify(step))).join(".");
  const sections = Object.entries(runtimes).flatMap(([name, table]) => renderTable(`${prefix}.${name}`, table));
  return `${MARK}\n${sections.join("\n")}\n`;
}

function renderTable(path: string, table: Table): string[] {
  const own = Object.entries(table).filter(([, value]) => !isTable(value));
  const below = Object.entries(table).filter(([, value]) => isTable(value));
  const lines = stringify(Object.fromEntries(own)).trimEnd().split("\n");
  return [
    [`[${path}]`, ...lines.map((line) => `  ${line}`)].join("\n"),
    ...below.flatMap(([name, value]) => renderTable(`${path}.${name}`, value as Table)),
  ];
}

/**
 * A configuration without some runtimes; everything else keeps its text.
 * @throws ERR_CONTAINERD_CONFIG when one is written in a form that cannot be taken out
 */
export function removeRuntimes(text: string, names: readonly string[], what: string): string {
  const before = parseContainerdConfig(text, what);
  const base = runtimesPath(before.version);
  const statements = scanStatements(text);
  const headers = statements.filter(({ kind }) => kind === "header");
  let edited = text;
  for (const header of headers.toReversed())
    if (names.some((name) => startsWith(header.path, [...base, name]))) edited = cut(edited, header, statements);
  edited = withoutLoneMarks(edited);
  const after = parseContainerdConfig(edited, what);
  for (const name of names)
    if (runtimeNamed(after, name) !== undefined)
      throw invalid(`${what}: the runtime ${name} is written in a form that cannot be taken out; do it by hand`);
  return edited;
}

/** Takes a table away, from its header to the last of its values, with the spaces before it. */
function cut(text: string, header: Statement, statements: readonly Statement[]): string {
  const index = statements.indexOf(header);
  const next = statements.findIndex(({ kind }, at) => at > index && kind === "header");
  const last = statements[(next === -1 ? statements.length : next) - 1] ?? header;
  const lineStart = text.lastIndexOf("\n", header.start - 1) + 1;
  const lineEnd = text.indexOf("\n", last.end);
  return text.slice(0, lineStart) + (lineEnd === -1 ? "" : text.slice(lineEnd + 1));
}

/** Our mark where nothing of ours follows, and the empty line before it. */
function withoutLoneMarks(text: string): string {
  const at = text.indexOf(MARK);
  if (at === -1) return text;
  const lineEnd = text.indexOf("\n", at);
  const rest = lineEnd === -1 ? "" : text.slice(lineEnd + 1);
  return (
    text
      .slice(0, at)
      .replace(/\r?\n(?=\r?\n$)/u, "")
      .replace(/^\r?\n$/u, "") + rest
  );
}

/** A configuration whose `imports` name a further file; everything else keeps its text. */
export function addImport(text: string, file: string, what: string): string {
  const { imports } = parseContainerdConfig(text, what);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const statements = scanStatements(text);
  const end = statements.findIndex(({ kind }) => kind === "header");
  const found = statements.find(({ path }, at) => path[0] === "imports" && (end === -1 || at < end));
  const value = JSON.stringify(file);
  if (found === undefined) {
    const version = statements.find(({ path }) => path[0] === "version");
    const at = version === undefined ? 0 : lineEndOf(text, version.end);
    const gap = at > 0 && !text.slice(0, at).endsWith("\n") ? newline : "";
    return `${text.slice(0, at)}${gap}imports = [${value}]${newline}${text.slice(at)}`;
  }
  const opening = found.valueStart + 1;
  const indent = /^[ \t]*(?:#[^\n]*)?\r?\n([ \t]*)/u.exec(text.slice(opening, found.end))?.[1];
  const lead = indent === undefined ? "" : `${newline}${indent}`;
  const comma = imports.length === 0 ? "" : indent === undefined ? ", " : ",";
  return `${text.slice(0, opening)}${lead}${value}${comma}${text.slice(opening)}`;
}

function lineEndOf(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end + 1;
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((step, at) => path[at] === step);
}
