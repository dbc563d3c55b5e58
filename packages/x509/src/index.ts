export {
  type Certificate,
  createCertificate,
  type NewCertificate,
  parseCertificate,
  parsePemChain,
  verifySignedBy,
} from "./certificate.ts";
export { createCrl, type Crl, type NewCrl, parseCrl, verifyCrl } from "./crl.ts";
export { type DerClass, type DerNode, readDer, readDerAll, TAG } from "./der.ts";
export {
  expectTag,
  isContext,
  readBitString,
  readBits,
  readBoolean,
  readInteger,
  readOctetString,
  readOid,
  readSmallInteger,
  readString,
  readTime,
} from "./der-values.ts";
export {
  type Der,
  derBitString,
  derBoolean,
  derContext,
  derEnumerated,
  derIa5,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintable,
  derSequence,
  derSet,
  derTime,
  derUtf8,
} from "./der-write.ts";
export {
  authorityKeyId,
  basicConstraints,
  type BasicConstraints,
  crlDistributionPoint,
  type Extension,
  EXTENSION,
  type Extensions,
  keyUsage,
  type KeyUsage,
  type NewExtension,
  subjectKeyId,
} from "./extensions.ts";
export type { Name, NameParts } from "./name.ts";
export { fromPem, type PemLabel, toPem } from "./pem.ts";
export { type KeyKind, readPublicKey, type SignatureAlgorithm } from "./signature.ts";
