import { formatJson } from "@inclavare/oci";
import { locateObject, type MemberSpan, type ObjectSpan } from "./locate.ts";

const DEFAULT_UNIT = "  ";

/**
 * Gives a member of an object a value, adding it as the last one where there is none. Everything else of the text stays
 * as it is; what is added is laid out as its neighbours are.
 * Preconditions: `text` is a valid JSON object, and `path`, not empty, leads through objects.
 */
export function setMember(text: string, path: readonly string[], value: unknown): string {
  const { object, member } = find(text, path);
  const layout = layoutOf(text, object);
  const rendered = render(value, layout);
  if (member !== undefined) return splice(text, member.valueStart, member.end, rendered);
  const added = `${JSON.stringify(path.at(-1))}${layout.colon}${rendered}`;
  const last = object.members.at(-1);
  if (last !== undefined) return splice(text, last.end, last.end, `,${layout.lead}${added}`);
  return splice(text, object.start, object.end, `{${layout.lead}${added}${layout.tail}}`);
}

/** Takes a member away, with its comma and the spaces before it. The same preconditions; a missing one is no error. */
export function removeMember(text: string, path: readonly string[]): string {
  const { object, member } = find(text, path);
  if (member === undefined) return text;
  const index = object.members.indexOf(member);
  const before = object.members[index - 1];
  const after = object.members[index + 1];
  if (before !== undefined) return splice(text, before.end, member.end, "");
  if (after !== undefined) return splice(text, member.start, after.start, "");
  return splice(text, object.start, object.end, "{}");
}

interface Place {
  readonly object: ObjectSpan;
  readonly member: MemberSpan | undefined;
}

function find(text: string, path: readonly string[]): Place {
  const [name, ...rest] = path;
  let place = lookUp(locateObject(text, 0), name);
  for (const step of rest) {
    if (place.member === undefined) throw new Error("an object must be there before its members");
    place = lookUp(locateObject(text, place.member.valueStart), step);
  }
  return place;
}

function lookUp(object: ObjectSpan, name: string | undefined): Place {
  return { object, member: object.members.find((member) => member.name === name) };
}

/** How members of an object are set apart. */
interface Layout {
  /** Between the opening brace, or a comma, and a name. */
  readonly lead: string;
  /** Between the last value and the closing brace of an object that was empty. */
  readonly tail: string;
  readonly colon: string;
  /** One step of indentation; undefined where everything stands in one line. */
  readonly unit: string | undefined;
}

function layoutOf(text: string, object: ObjectSpan): Layout {
  const root = locateObject(text, 0);
  const rootLead = leadOf(text, root) ?? "\n";
  const lead = leadOf(text, object);
  if (!(lead ?? rootLead).includes("\n")) {
    const isSpaced = /"\s*:\s/u.test(text);
    const space = isSpaced ? " " : "";
    return { lead: object.members.length > 1 ? (lead ?? "") : space, tail: "", colon: `:${space}`, unit: undefined };
  }
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const unit = lastLine(rootLead) || DEFAULT_UNIT;
  const lineStart = text.lastIndexOf("\n", object.start) + 1;
  const base = /[ \t]*/uy.exec(text.slice(lineStart))?.[0] ?? "";
  const indent = lead === undefined ? base + unit : lastLine(lead);
  return { lead: newline + indent, tail: newline + base, colon: ": ", unit };
}

/** The spaces before the last member; undefined in an empty object. */
function leadOf(text: string, { start, members }: ObjectSpan): string | undefined {
  const last = members.at(-1);
  return last && text.slice(members.at(-2)?.end ?? start, last.start).replace(/^[^,{]*[,{]/u, "");
}

function lastLine(space: string): string {
  return space.slice(space.lastIndexOf("\n") + 1);
}

function render(value: unknown, { lead, unit, colon }: Layout): string {
  if (unit !== undefined) return formatJson(value, unit).replaceAll("\n", lead);
  // A string's own line breaks are escaped, so those here are between members.
  return colon === ":" ? formatJson(value) : formatJson(value, " ").replaceAll(/\n */gu, " ");
}

function splice(text: string, from: number, to: number, replacement: string): string {
  return text.slice(0, from) + replacement + text.slice(to);
}
