/** Certificate revocation lists, version 2 (RFC 5280, section 5). */
import type { KeyObject } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { readSerial } from "./certificate.ts";
import { type DerNode, readDer, TAG } from "./der.ts";
import { expectTag, isContext, readBitString, readInteger, readSmallInteger, readTime } from "./der-values.ts";
import { type Der, derBitString, derContext, derInteger, derSequence, derTime } from "./der-write.ts";
import {
  authorityKeyId,
  derExtensions,
  EXTENSION,
  type Extensions,
  type NewExtension,
  readAuthorityKeyId,
  readExtensions,
} from "./extensions.ts";
import { derName, type Name, type NameParts, readName } from "./name.ts";
import { derOrPem } from "./pem.ts";
import { ecdsaSigner, readSignatureAlgorithm, type SignatureAlgorithm, verifySignature } from "./signature.ts";

export interface Crl {
  readonly raw: Uint8Array;
  readonly tbs: Uint8Array;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Serial numbers in lower-case hexadecimal, with the date of each revocation. */
  readonly revoked: ReadonlyMap<string, Date>;
  readonly crlNumber: bigint | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  readonly extensions: Extensions;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

const VERSION_2 = 1;

/** @param input DER, or PEM. A CRL without nextUpdate is refused: it could be replayed for ever. */
export function parseCrl(input: Uint8Array | string, what: string = "CRL"): Crl {
  const raw = derOrPem(input, "X509 CRL", what);
  const outer = expectTag(readDer(raw, what), "sequence", what).children;
  const tbs = expectTag(outer[0], "sequence", `${what} body`);
  const [version, algorithm, issuer, thisUpdate, nextUpdate, ...rest] = tbs.children;
  if (outer.length !== 3 || readSmallInteger(version, VERSION_2, `${what} version`) !== VERSION_2) {
    throw new InclavareError("ERR_X509_FORMAT", `${what} is not a version 2 CRL`);
  }
  if (Buffer.compare(algorithm?.raw ?? Buffer.alloc(0), outer[1]?.raw ?? Buffer.alloc(0)) !== 0) {
    throw new InclavareError("ERR_X509_FORMAT", `${what} names two different signature algorithms`);
  }
  const list = rest.find((field) => field.class === "universal" && field.tag === TAG.sequence);
  const explicit = rest.find((field) => isContext(field, 0));
  if (rest.some((field, index) => field !== [list, explicit].filter((known) => known !== undefined)[index]))
    throw new InclavareError("ERR_X509_FORMAT", `${what} has fields behind nextUpdate that are none of a CRL`);
  if (explicit !== undefined && explicit.children.length !== 1)
    throw new InclavareError("ERR_X509_FORMAT", `${what} has a malformed list of extensions`);
  const extensions = readExtensions(explicit?.children[0], what);
  refuseCritical(extensions, what);
  const number = extensions.get(EXTENSION.crlNumber);
  return {
    raw,
    tbs: tbs.raw,
    issuer: readName(issuer, `${what} issuer`),
    thisUpdate: readTime(thisUpdate, `${what} thisUpdate`),
    nextUpdate: readTime(nextUpdate, `${what} nextUpdate`),
    revoked: readRevoked(list, what),
    crlNumber: number === undefined ? undefined : readInteger(readDer(number.value, what), `${what} number`),
    authorityKeyId: readAuthorityKeyId(extensions, what),
    extensions,
    signatureAlgorithm: readSignatureAlgorithm(outer[1], what),
    signature: readBitString(outer[2], `${what} signature`),
  };
}

function readRevoked(list: DerNode | undefined, what: string): ReadonlyMap<string, Date> {
  const revoked = new Map<string, Date>();
  const place = `${what} entry`;
  for (const entry of list?.children ?? []) {
    const fields = expectTag(entry, "sequence", place).children;
    if (fields.length > 3) throw new InclavareError("ERR_X509_FORMAT", `${place} has more than 3 fields`);
    if (fields[2] !== undefined) refuseCritical(readExtensions(fields[2], place), place);
    revoked.set(readSerial(fields[0], place), readTime(fields[1], place));
  }
  return revoked;
}

/**
 * A critical extension changes what a list says: only a part of the revocations, or those of another issuer. None is
 * supported, so that no list is taken for a whole one that is not.
 */
function refuseCritical(extensions: Extensions, what: string): void {
  for (const [oid, { critical }] of extensions) {
    if (critical)
      throw new InclavareError("ERR_X509_EXTENSION", `${what} has the critical extension ${oid}, none is supported`);
  }
}

/** Whether the key made the signature. */
export function verifyCrl(crl: Crl, issuerKey: KeyObject): boolean {
  return verifySignature(crl.signatureAlgorithm, crl.tbs, issuerKey, crl.signature);
}

export interface NewCrl {
  readonly issuer: NameParts;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly { readonly serial: bigint; readonly at: Date }[];
  readonly crlNumber: bigint;
  /** The issuer's subject key identifier. */
  readonly authorityKeyId: Uint8Array;
  readonly signingKey: KeyObject;
  /** Beside the authority key identifier and the number; left out: none. */
  readonly extensions?: readonly NewExtension[];
}

/** Issues a CRL. @returns DER. */
export function createCrl(options: NewCrl): Der {
  const signer = ecdsaSigner(options.signingKey);
  const entries = options.revoked.map(({ serial, at }) => derSequence(derInteger(serial), derTime(at)));
  const number = { oid: EXTENSION.crlNumber, critical: false, value: derInteger(options.crlNumber) };
  const tbs = derSequence(
    derInteger(VERSION_2),
    signer.identifier,
    derName(options.issuer),
    derTime(options.thisUpdate),
    derTime(options.nextUpdate),
    ...(entries.length === 0 ? [] : [derSequence(...entries)]),
    derContext(0, derExtensions([authorityKeyId(options.authorityKeyId), number, ...(options.extensions ?? [])])),
  );
  return derSequence(tbs, signer.identifier, derBitString(signer.sign(tbs)));
}
