export { type CollateralBundle, parseCollateralBundle } from "@inclavare/sgx";
export { appraise, type AppraisalContext } from "./appraise.ts";
export {
  type ContainerAttester,
  createSimulatedAttester,
  type SimulatedAttesterOptions,
} from "./attesterd/attester.ts";
export {
  evidenceAnswer,
  launchRequest,
  type LaunchRequest,
  measureRequest,
  parseLaunchAnswer,
  parseMeasureAnswer,
} from "./attesterd/protocol.ts";
export { VerificationCache } from "./cache.ts";
export type { Check } from "./check.ts";
export {
  CLAIM_PURPOSES,
  CLAIM_ROLES,
  type Claims,
  decodeClaims,
  encodeClaims,
  hashPublicKey,
  type PublicKeyHash,
  reportDataFor,
} from "./claims.ts";
export { type ContainerIdentity, decodeContainerClaim, encodeContainerClaim, isOfDebug } from "./container-claim.ts";
export type { DcapVerification } from "./dcap/examine.ts";
export { mergeTcbStatus, TCB_STATUSES, type TcbStatus } from "./dcap/tcb-status.ts";
export { AR4SI, type TrustClaim, type TrustTier, type TrustVector } from "./ear/ar4si.ts";
export { EAR_PROFILE, type EarAppraisal, type EarClaims } from "./ear/claims.ts";
export { issueEar, type IssueEarOptions } from "./ear/issue.ts";
export {
  type JsonWebKeySet,
  parseKeySet,
  type PublicJwk,
  type SigningKey,
  signingKeyFromPem,
  toKeySet,
  type VerificationKey,
} from "./ear/jwk.ts";
export { trustStatusOf, trustVectorOf } from "./ear/trust-vector.ts";
export { decodeEar, type EarResult, verifyEar, type VerifyEarOptions } from "./ear/verify.ts";
export { endorsementToPem } from "./endorsement-file.ts";
export type { Attester, EnclaveIdentity, Evidence, Tee } from "./evidence.ts";
export { decodeEvidenceMessage, encodeEvidenceMessage, type EvidenceMessage } from "./evidence-message.ts";
export type { CollateralPeriod, Examination, VerifiedEvidence } from "./examination.ts";
export type {
  CcaMeasurement,
  MeasurementVerdict,
  NitroMeasurement,
  PsaMeasurement,
  SgxMeasurement,
  SnpMeasurement,
  TdxMeasurement,
} from "./measurement.ts";
export {
  type Allowance,
  ALLOWANCES,
  DEFAULT_POLICY,
  isAllowance,
  parsePolicy,
  type Policy,
  type ReferenceValue,
} from "./policy.ts";
export { policyFromEvidence, type PolicyFromEvidenceOptions } from "./policy-from-evidence.ts";
export { assertHashOfKey, assertKeyClaim, type EvidenceCertificate, findEvidence } from "./ratls/certificate.ts";
export { encodeEndorsements, ENDORSEMENTS_EXTENSION } from "./ratls/endorsements.ts";
export { EVIDENCE_EXTENSION } from "./ratls/extensions.ts";
export { type EvidenceKind, recognise } from "./recognise.ts";
export { reportDataOf } from "./report-data.ts";
export { verifySgxQuote } from "./sgx/verify.ts";
export { verifyTdxQuote } from "./tdx/verify.ts";
export { builtinTrustAnchors, type TrustAnchor, trustAnchorsFromPem } from "./trust-anchors.ts";
export type { SnpProduct, SnpTcb } from "./snp/product.ts";
export { type SnpVerification, verifySnpReport } from "./snp/verify.ts";
export {
  type BoundKey,
  type DcapTcb,
  decisiveCheck,
  exitCodeOf,
  type SnpTcbVerdict,
  type TcbVerdict,
  type Verdict,
} from "./verdict.ts";
export { VerificationQueue, type VerificationQueueOptions } from "./verification-queue.ts";
export { verifyEvidence, type VerifyEvidenceInput } from "./verify-evidence.ts";
