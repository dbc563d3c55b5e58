/** X.509 version 3 certificates (RFC 5280): reading them whole, and issuing them. */
import type { KeyObject } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { type DerNode, readDer } from "./der.ts";
import { expectTag, isContext, readBitString, readSmallInteger, readTime } from "./der-values.ts";
import { type Der, derBitString, derContext, derInteger, derSequence, derTime } from "./der-write.ts";
import {
  type BasicConstraints,
  derExtensions,
  type Extensions,
  type KeyUsage,
  type NewExtension,
  readAuthorityKeyId,
  readBasicConstraints,
  readExtensions,
  readKeyUsage,
  readSubjectKeyId,
} from "./extensions.ts";
import { derName, type Name, type NameParts, readName } from "./name.ts";
import { derOrPem, fromPem } from "./pem.ts";
import {
  ecdsaSigner,
  type KeyKind,
  readKeyKind,
  readPublicKey,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
  verifySignature,
} from "./signature.ts";

export interface Certificate {
  /** The whole certificate in DER. */
  readonly raw: Uint8Array;
  /** The part that is signed. */
  readonly tbs: Uint8Array;
  /** Lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly publicKey: KeyObject;
  readonly keyKind: KeyKind;
  readonly extensions: Extensions;
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

const VERSION_3 = 2;

/**
 * @param input DER, or PEM with one certificate.
 * @param what names the input in errors.
 * @throws ERR_DER, ERR_PEM, ERR_X509_FORMAT, ERR_X509_EXTENSION, ERR_X509_ALGORITHM, ERR_X509_KEY
 */
export function parseCertificate(input: Uint8Array | string, what: string = "certificate"): Certificate {
  const raw = derOrPem(input, "CERTIFICATE", what);
  const outer = expectTag(readDer(raw, what), "sequence", what).children;
  const tbs = expectTag(outer[0], "sequence", `${what} body`);
  const [version, serial, algorithm, issuer, validity, subject, spki, ...rest] = tbs.children;
  if (
    outer.length !== 3 ||
    !isContext(version, 0) ||
    readSmallInteger(version.children[0], VERSION_3, `${what} version`) !== VERSION_3
  ) {
    throw new InclavareError("ERR_X509_FORMAT", `${what} is not an X.509 version 3 certificate`);
  }
  const signatureAlgorithm = readSignatureAlgorithm(outer[1], what);
  if (Buffer.compare(algorithm?.raw ?? Buffer.alloc(0), outer[1]?.raw ?? Buffer.alloc(0)) !== 0) {
    throw new InclavareError("ERR_X509_FORMAT", `${what} names two different signature algorithms`);
  }
  const [notBefore, notAfter] = expectTag(validity, "sequence", `${what} validity`).children;
  const keyInfo = expectTag(spki, "sequence", `${what} public key`);
  const key = keyInfo.raw;
  const extensions = readExtensions(extensionsIn(rest, what), what);
  return {
    raw,
    tbs: tbs.raw,
    serial: readSerial(serial, `${what} serial number`),
    issuer: readName(issuer, `${what} issuer`),
    subject: readName(subject, `${what} subject`),
    notBefore: readTime(notBefore, `${what} notBefore`),
    notAfter: readTime(notAfter, `${what} notAfter`),
    spki: key,
    publicKey: readPublicKey(key, what),
    keyKind: readKeyKind(keyInfo, what),
    extensions,
    basicConstraints: readBasicConstraints(extensions, what),
    keyUsage: readKeyUsage(extensions, what),
    authorityKeyId: readAuthorityKeyId(extensions, what),
    subjectKeyId: readSubjectKeyId(extensions, what),
    signatureAlgorithm,
    signature: readBitString(outer[2], `${what} signature`),
  };
}

/** Every certificate of a PEM text, in its order. */
export function parsePemChain(pem: string, what: string = "chain"): Certificate[] {
  return fromPem(pem, "CERTIFICATE", what).map((der, index) =>
    parseCertificate(der, `${what} certificate ${index + 1}`),
  );
}

/** Whether the key made the signature; names, validity and usage are the caller's to compare. */
export function verifySignedBy(child: Certificate, issuerKey: KeyObject): boolean {
  return verifySignature(child.signatureAlgorithm, child.tbs, issuerKey, child.signature);
}

/**
 * A serial number in lower-case hexadecimal without leading zeros, as certificates and CRLs are compared by it.
 * @throws ERR_X509_FORMAT for a negative one. Zero is against RFC 5280 too, but some vendors issue it.
 */
export function readSerial(node: DerNode | undefined, what: string): string {
  const { content } = expectTag(node, "integer", what);
  const [first, second] = content;
  if (first === undefined || (first === 0 && second !== undefined && second < 0x80))
    throw new InclavareError("ERR_X509_FORMAT", `${what} is an integer that is not in its shortest form`);
  if (first >= 0x80) throw new InclavareError("ERR_X509_FORMAT", `${what} is negative`);
  const hex = Buffer.from(content.buffer, content.byteOffset, content.length).toString("hex");
  return hex[0] === "0" ? hex.replace(/^0+(?=.)/u, "") : hex;
}

/** Behind the public key: two unique identifiers that nobody uses, then the extensions; each at most once, in order. */
function extensionsIn(rest: readonly DerNode[], what: string): DerNode | undefined {
  const numbers = rest.map((field) => (field.class === "context" ? field.tag : -1));
  const ordered = numbers.every((number, index) => number > (numbers[index - 1] ?? 0) && number <= 3);
  const explicit = rest.find((field) => isContext(field, 3));
  if (!ordered || (explicit !== undefined && explicit.children.length !== 1))
    throw new InclavareError("ERR_X509_FORMAT", `${what} has fields behind its public key that are none of X.509`);
  return explicit?.children[0];
}

export interface NewCertificate {
  readonly subject: NameParts;
  /** Left out: the subject itself. */
  readonly issuer?: NameParts;
  /** Positive. */
  readonly serial: bigint;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  /** P-256 or P-384; the subject's own for a self-signed certificate. */
  readonly signingKey: KeyObject;
  readonly extensions: readonly NewExtension[];
}

/** Issues a certificate. @returns DER. */
export function createCertificate(options: NewCertificate): Der {
  const signer = ecdsaSigner(options.signingKey);
  const tbs = derSequence(
    derContext(0, derInteger(VERSION_3)),
    derInteger(options.serial),
    signer.identifier,
    derName(options.issuer ?? options.subject),
    derSequence(derTime(options.notBefore), derTime(options.notAfter)),
    derName(options.subject),
    options.publicKey.export({ type: "spki", format: "der" }),
    ...(options.extensions.length === 0 ? [] : [derContext(3, derExtensions(options.extensions))]),
  );
  return derSequence(tbs, signer.identifier, derBitString(signer.sign(tbs)));
}
