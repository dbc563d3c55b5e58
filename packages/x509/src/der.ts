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
  const reader = new Reader(bytes, what);
  const node = reader.readNode(0, bytes.length, 0);
  if (node.end !== bytes.length) throw malformed(what, `has ${bytes.length - node.end} bytes behind its end`);
  return node;
}

/** Reads values one after another that fill the input, as the contents of a SEQUENCE do. */
export function readDerAll(bytes: Uint8Array, what: string = "DER"): DerNode[] {
  return new Reader(bytes, what).readNodes(0, bytes.length, 0);
}

/** A place in the input: views of it are made when they are asked for, which for most values is never. */
class Node implements DerNode {
  readonly class: DerClass;
  readonly tag: number;
  readonly constructed: boolean;
  readonly children: readonly DerNode[];
  readonly end: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #contentStart: number;

  constructor(
    bytes: Uint8Array,
    place: { readonly start: number; readonly contentStart: number; readonly end: number },
    children: readonly DerNode[],
  ) {
    const first = bytes[place.start] ?? 0;
    this.class = CLASSES[first >> 6] ?? "universal";
    this.tag = first & 0x1f;
    this.constructed = (first & 0x20) !== 0;
    this.children = children;
    this.end = place.end;
    this.#bytes = bytes;
    this.#start = place.start;
    this.#contentStart = place.contentStart;
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.end);
  }

  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.end);
  }
}

const NO_CHILDREN: readonly DerNode[] = [];

/** Reads one input; its budget of values is shared by all of it. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #nodes = 0;

  constructor(bytes: Uint8Array, what: string) {
    if (bytes.length > MOST_BYTES) throw malformed(what, `has ${bytes.length} bytes, at most ${MOST_BYTES} are read`);
    this.#bytes = bytes;
    this.#what = what;
  }

  readNodes(from: number, to: number, depth: number): Node[] {
    const nodes: Node[] = [];
    for (let at = from; at < to;) {
      const node = this.readNode(at, to, depth);
      nodes.push(node);
      at = node.end;
    }
    return nodes;
  }

  readNode(start: number, limit: number, depth: number): Node {
    const what = this.#what;
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES) throw malformed(what, `has more than ${MOST_NODES} values`);
    if (depth > MOST_DEPTH) throw malformed(what, `is nested more than ${MOST_DEPTH} deep`);
    const first = this.#bytes[start];
    if (first === undefined || start >= limit) throw malformed(what, "ends where a value should begin");
    if ((first & 0x1f) === 0x1f) throw malformed(what, "has a tag above 30");
    const { length, contentStart } = this.#readLength(start + 1, limit);
    const end = contentStart + length;
    if (end > limit) throw malformed(what, `a value of ${length} bytes goes beyond the end`);
    const children = (first & 0x20) === 0 ? NO_CHILDREN : this.readNodes(contentStart, end, depth + 1);
    return new Node(this.#bytes, { start, contentStart, end }, children);
  }

  #readLength(at: number, limit: number): { readonly length: number; readonly contentStart: number } {
    const what = this.#what;
    const first = at < limit ? this.#bytes[at] : undefined;
    if (first === undefined) throw malformed(what, "ends where a length should be");
    if (first < 0x80) return { length: first, contentStart: at + 1 };
    const count = first & 0x7f;
    if (count === 0) throw malformed(what, "has an indefinite length");
    if (count > 4) throw malformed(what, `has a length of ${count} bytes`);
    if (at + 1 + count > limit) throw malformed(what, "ends inside a length");
    let length = 0;
    for (let index = 1; index <= count; index++) length = length * 256 + (this.#bytes[at + index] ?? 0);
    if (length < 0x80 || length < 256 ** (count - 1))
      throw malformed(what, "has a length that is not in its shortest form");
    return { length, contentStart: at + 1 + count };
  }
}

function malformed(what: string, rule: string): InclavareError {
  return new InclavareError("ERR_DER", `${what} ${rule}`);
}
