/** Distinguished names (RFC 5280, section 4.1.2.4): a list of attributes, one in each RelativeDistinguishedName. */
import type { DerNode } from "./der.ts";
import { expectTag, readOid, readString } from "./der-values.ts";
import { type Der, derOid, derPrintable, derSequence, derSet, derUtf8 } from "./der-write.ts";

const ATTRIBUTES = { CN: "2.5.4.3", C: "2.5.4.6", L: "2.5.4.7", ST: "2.5.4.8", O: "2.5.4.10", OU: "2.5.4.11" } as const;
type Attribute = keyof typeof ATTRIBUTES;
const NAMES = new Map<string, string>(Object.entries(ATTRIBUTES).map(([name, oid]) => [oid, name]));

/** Attributes in the order in which they are encoded, such as `{ CN: "…", O: "…", C: "US" }`. */
export type NameParts = Partial<Readonly<Record<Attribute, string>>>;

export interface Name {
  /** The encoding; names are the same when these bytes are. */
  readonly raw: Uint8Array;
  /** For people: `CN=…, O=…`. */
  readonly text: string;
  readonly commonName: string | undefined;
}

export function derName(parts: NameParts): Der {
  return derSequence(
    ...Object.entries(parts).map(([name, value]) => {
      const text = name === "C" ? derPrintable(value) : derUtf8(value);
      return derSet(derSequence(derOid(ATTRIBUTES[name as Attribute]), text));
    }),
  );
}

/** @throws ERR_DER for anything but text under object identifiers */
export function readName(node: DerNode | undefined, what: string): Name {
  const sequence = expectTag(node, "sequence", what);
  let commonName: string | undefined;
  for (const attribute of attributesOf(sequence, what)) {
    const type = readOid(attribute.children[0], what);
    const value = readString(attribute.children[1], what);
    if (type === ATTRIBUTES.CN) commonName ??= value;
  }
  return {
    raw: sequence.raw,
    commonName,
    // Only errors and trust anchors ask for it.
    get text(): string {
      const parts = [...attributesOf(sequence, what)].map(({ children: [type, value] }) => {
        const oid = readOid(type, what);
        return `${NAMES.get(oid) ?? oid}=${readString(value, what)}`;
      });
      return parts.join(", ");
    },
  };
}

function* attributesOf(sequence: DerNode, what: string): Generator<DerNode> {
  for (const relative of sequence.children) {
    for (const attribute of expectTag(relative, "set", what).children) yield expectTag(attribute, "sequence", what);
  }
}
