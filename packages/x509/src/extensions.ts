/** Extensions of certificates and CRLs (RFC 5280, sections 4.2 and 5.2). */
import { InclavareError } from "@inclavare/errors";
import { type DerNode, readDer } from "./der.ts";
import {
  expectTag,
  isContext,
  readBits,
  readBoolean,
  readOctetString,
  readOid,
  readSmallInteger,
} from "./der-values.ts";
import {
  type Der,
  derBitString,
  derBoolean,
  derContext,
  derIa5,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derValue,
} from "./der-write.ts";

export const EXTENSION = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  crlDistributionPoints: "2.5.29.31",
  authorityKeyId: "2.5.29.35",
} as const;

export interface Extension {
  readonly critical: boolean;
  /** What the OCTET STRING holds: DER for standard extensions, CBOR for attestation evidence. */
  readonly value: Uint8Array;
}

/** By OID, in dotted form. */
export type Extensions = ReadonlyMap<string, Extension>;

export interface NewExtension extends Extension {
  readonly oid: string;
}

const MOST_EXTENSIONS = 64;

/** Key usage by bit number (RFC 5280, section 4.2.1.3). */
export const KEY_USAGE = {
  digitalSignature: 0,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
  crlSign: 6,
} as const;
export type KeyUsage = keyof typeof KEY_USAGE;

/** @param node the SEQUENCE OF Extension. @throws ERR_X509_EXTENSION for the same OID twice. */
export function readExtensions(node: DerNode | undefined, what: string): Extensions {
  const extensions = new Map<string, Extension>();
  if (node === undefined) return extensions;
  const place = `${what} extension`;
  for (const item of expectTag(node, "sequence", `${place}s`).children) {
    const fields = expectTag(item, "sequence", place).children;
    const oid = readOid(fields[0], place);
    const critical = fields.length === 3 && readBoolean(fields[1], place);
    if (fields.length === 3 && !critical)
      throw new InclavareError("ERR_X509_EXTENSION", `${what} extension ${oid} encodes the default of "critical"`);
    if (fields.length < 2 || fields.length > 3)
      throw new InclavareError("ERR_X509_EXTENSION", `${what} extension ${oid} has ${fields.length} fields`);
    if (extensions.has(oid)) throw new InclavareError("ERR_X509_EXTENSION", `${what} has extension ${oid} twice`);
    extensions.set(oid, { critical, value: readOctetString(fields.at(-1), place) });
    if (extensions.size > MOST_EXTENSIONS)
      throw new InclavareError("ERR_X509_EXTENSION", `${what} has more than ${MOST_EXTENSIONS} extensions`);
  }
  return extensions;
}

export function derExtensions(extensions: readonly NewExtension[]): Der {
  return derSequence(
    ...extensions.map(({ oid, critical, value }) =>
      derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value)),
    ),
  );
}

export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLength: number | undefined;
}

export function readBasicConstraints(extensions: Extensions, what: string): BasicConstraints | undefined {
  const fields = sequenceOf(extensions, EXTENSION.basicConstraints, `${what} basic constraints`)?.children;
  if (fields === undefined) return undefined;
  const ca = fields.length > 0 && readBoolean(fields[0], `${what} basic constraints`);
  const pathLength = fields[1] === undefined ? undefined : readSmallInteger(fields[1], 255, `${what} path length`);
  return { ca, pathLength };
}

export function readKeyUsage(extensions: Extensions, what: string): ReadonlySet<KeyUsage> | undefined {
  const extension = extensions.get(EXTENSION.keyUsage);
  if (extension === undefined) return undefined;
  const bits = readBits(readDer(extension.value, `${what} key usage`), `${what} key usage`);
  return new Set((Object.keys(KEY_USAGE) as KeyUsage[]).filter((usage) => bits.has(KEY_USAGE[usage])));
}

/** The key identifier; undefined also when the extension names the issuer in another way. */
export function readAuthorityKeyId(extensions: Extensions, what: string): Uint8Array | undefined {
  const fields = sequenceOf(extensions, EXTENSION.authorityKeyId, `${what} authority key identifier`)?.children;
  return fields?.find((field) => isContext(field, 0))?.content;
}

export function readSubjectKeyId(extensions: Extensions, what: string): Uint8Array | undefined {
  const extension = extensions.get(EXTENSION.subjectKeyId);
  return extension === undefined
    ? undefined
    : readOctetString(readDer(extension.value, `${what} subject key identifier`), `${what} subject key identifier`);
}

function sequenceOf(extensions: Extensions, oid: string, what: string): DerNode | undefined {
  const extension = extensions.get(oid);
  return extension === undefined ? undefined : expectTag(readDer(extension.value, what), "sequence", what);
}

export function basicConstraints(constraints: { readonly ca: boolean; readonly pathLength?: number }): NewExtension {
  const fields = constraints.ca ? [derBoolean(true)] : [];
  if (constraints.pathLength !== undefined) fields.push(derInteger(constraints.pathLength));
  return { oid: EXTENSION.basicConstraints, critical: true, value: derSequence(...fields) };
}

export function keyUsage(...usages: readonly KeyUsage[]): NewExtension {
  const byte = usages.reduce((sum, usage) => sum | (0x80 >> KEY_USAGE[usage]), 0);
  // DER: no zero bits at the end of a list of named bits.
  const unused = Math.clz32(byte & -byte) === 32 ? 0 : 31 - Math.clz32(byte & -byte);
  return { oid: EXTENSION.keyUsage, critical: true, value: derBitString(Uint8Array.of(byte), unused) };
}

export function subjectKeyId(id: Uint8Array): NewExtension {
  return { oid: EXTENSION.subjectKeyId, critical: false, value: derOctetString(id) };
}

export function authorityKeyId(id: Uint8Array): NewExtension {
  return { oid: EXTENSION.authorityKeyId, critical: false, value: derSequence(derContext(0, id, false)) };
}

/** One distribution point with one URI. */
export function crlDistributionPoint(uri: string): NewExtension {
  const name = derContext(0, derContext(0, derValue(0x86, derIa5(uri).subarray(derIa5(uri).length - uri.length))));
  return { oid: EXTENSION.crlDistributionPoints, critical: false, value: derSequence(derSequence(name)) };
}
