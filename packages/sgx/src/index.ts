export {
  ATTRIBUTE_FLAG,
  type Attributes,
  KNOWN_FLAGS,
  readAttributes,
  writeAttributes,
  XFRM_LEGACY,
} from "./attributes.ts";
export { aesCmac, cmacKey } from "./cmac.ts";
export { type CollateralBundle, parseCollateralBundle } from "./collateral.ts";
export { type EnclaveGeometry, Measurement, PAGE_FLAGS, PAGE_SIZE } from "./measurement.ts";
export { encodeQuoteSignedPart, encodeQuoteV3, type QuoteParts } from "./quote-encode.ts";
export {
  type CertificationData,
  decodeQuote,
  decodeQuoteEnvelope,
  decodeQuoteHeader,
  type Quote,
  type QuoteBodyType,
  type QuoteEnvelope,
  type QuoteHeader,
  type QuoteTee,
} from "./quote.ts";
export {
  computeReportMac,
  decodeKeyRequest,
  decodeReport,
  decodeReportBody,
  decodeTargetInfo,
  encodeKeyRequest,
  encodeReport,
  encodeReportBody,
  encodeTargetInfo,
  type EnclaveReport,
  isDebug,
  KEY_NAME,
  KEY_POLICY,
  type KeyRequest,
  type Report,
  REPORT_DATA_BYTES,
  type TargetInfo,
  verifyReportMac,
} from "./report.ts";
export {
  cascadeSignature,
  createSigstruct,
  expectSigningKey,
  generateSigningKey,
  mrSigner,
  quotients,
  type SigningFields,
  signingMaterial,
  signMaterial,
  sigstructBody,
  verifySigstruct,
} from "./signing.ts";
export {
  decodeSigstruct,
  encodeSigstruct,
  encodeSigstructDate,
  mrSignerOf,
  type Sigstruct,
  SIGSTRUCT_BYTES,
  type SigstructBody,
  sigstructMessage,
  type SigstructSignature,
} from "./sigstruct.ts";
