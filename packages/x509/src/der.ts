/**
 * DER (ITU-T X.690): reading, strictly. One encoding per value: definite and shortest lengths, shortest integers, nothing
 * behind the end. Nesting and sizes are bounded.
 */
import { InclavareError } from "@inclavare/errors";

export type DerClass = "universal" | "application" | "context" | "private";

export interface DerNode {
  readonly class: DerClass;
  /** The number of the tag, without class and form bits: 16 for a SEQUENCE. */
  readonly tag: number;
  readonly constructed: boolean;
  /** The contents, without tag and length. */
  readonly content: Uint8Array;
  /** The whole encoding: what a signature covers. */
  readonly raw: Uint8Array;
  /** What is inside a constructed value; empty for a primitive one. */
  readonly children: readonly DerNode[];
}

export const TAG = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  enumerated: 10,
  utf8String: 12,
  sequence: 16,
  set: 17,
  printableString: 19,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
} as const;

const CLASSES: readonly DerClass[] = ["universal", "application", "context", "private"];
const MOST_BYTES = 16 << 20;
const MOST_DEPTH = 32;
/** What a CRL of some 40 000 entries needs; without a limit, two bytes of input would cost a hundred of memory. */
const MOST_NODES = 250_000;

/** Reads exactly one value that fills the input. @throws ERR_DER */
export function readDer(bytes: Uint8Array, what: string = "DER"): DerNode {
  if (bytes.length > MOST_BYTES) throw malformed(what, `has ${bytes.length} bytes, at most ${MOST_BYTES} are read`);
  const { node, end } = readNode(bytes, 0, { what, depth: 0, budget: { nodes: MOST_NODES } });
  if (end !== bytes.length) throw malformed(what, `has ${bytes.length - end} bytes behind its end`);
  return node;
}

/** Reads values one after another that fill the input, as the contents of a SEQUENCE do. */
export function readDerAll(bytes: Uint8Array, what: string = "DER"): DerNode[] {
  if (bytes.length > MOST_BYTES) throw malformed(what, `has ${bytes.length} bytes, at most ${MOST_BYTES} are read`);
  return readNodes(bytes, { what, depth: 0, budget: { nodes: MOST_NODES } });
}

function readNodes(bytes: Uint8Array, place: Place): DerNode[] {
  const nodes: DerNode[] = [];
  for (let at = 0; at < bytes.length;) {
    const { node, end } = readNode(bytes, at, place);
    nodes.push(node);
    at = end;
  }
  return nodes;
}

interface Place {
  readonly what: string;
  readonly depth: number;
  /** Shared by the whole input. */
  readonly budget: { nodes: number };
}

function readNode(bytes: Uint8Array, at: number, place: Place): { node: DerNode; end: number } {
  const { what, depth, budget } = place;
  budget.nodes -= 1;
  if (budget.nodes < 0) throw malformed(what, `has more than ${MOST_NODES} values`);
  if (depth > MOST_DEPTH) throw malformed(what, `is nested more than ${MOST_DEPTH} deep`);
  const first = bytes[at];
  if (first === undefined) throw malformed(what, "ends where a value should begin");
  const tag = first & 0x1f;
  if (tag === 0x1f) throw malformed(what, "has a tag above 30");
  const { length, start } = readLength(bytes, at + 1, what);
  const end = start + length;
  if (end > bytes.length) throw malformed(what, `a value of ${length} bytes goes beyond the end`);
  const content = bytes.subarray(start, end);
  const constructed = (first & 0x20) !== 0;
  const children = constructed ? readNodes(content, { ...place, depth: depth + 1 }) : [];
  return {
    node: {
      class: CLASSES[first >> 6] ?? "universal",
      tag,
      constructed,
      content,
      raw: bytes.subarray(at, end),
      children,
    },
    end,
  };
}

function readLength(bytes: Uint8Array, at: number, what: string): { length: number; start: number } {
  const first = bytes[at];
  if (first === undefined) throw malformed(what, "ends where a length should be");
  if (first < 0x80) return { length: first, start: at + 1 };
  const count = first & 0x7f;
  if (count === 0) throw malformed(what, "has an indefinite length");
  if (count > 4) throw malformed(what, `has a length of ${count} bytes`);
  let length = 0;
  for (let index = 0; index < count; index++) {
    const byte = bytes[at + 1 + index];
    if (byte === undefined) throw malformed(what, "ends inside a length");
    length = length * 256 + byte;
  }
  if (length < 0x80 || length < 256 ** (count - 1))
    throw malformed(what, "has a length that is not in its shortest form");
  return { length, start: at + 1 + count };
}

function malformed(what: string, rule: string): InclavareError {
  return new InclavareError("ERR_DER", `${what} ${rule}`);
}
