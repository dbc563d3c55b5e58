import type { CodeEntry } from "../kinds.ts";

/** Not to be believed: signature, chain, revocation or format. A verifying command ends with 3. */
const evidenceCodes = {
  ERR_EVIDENCE_FORMAT: {
    kind: "invalid-argument",
    summary: "Bytes given as evidence are of no known form, or break the rules of theirs.",
    cause: "evidence",
  },
  ERR_EVIDENCE_UNSUPPORTED: {
    kind: "not-implemented",
    summary: "The evidence is of a known form that this release does not verify.",
    cause: "evidence",
  },
  ERR_EVIDENCE_UNBOUND: {
    kind: "unauthenticated",
    summary:
      "The report data in the evidence is not the hash of the claims or the key that came with it, or nothing in the TEE could choose it.",
    cause: "evidence",
  },
  ERR_EVIDENCE_CERTIFICATE: {
    kind: "unauthenticated",
    summary: "The certificate that carries the evidence is not signed by its own key, or not valid at this time.",
    cause: "evidence",
  },
  ERR_CLAIMS_FORMAT: {
    kind: "invalid-argument",
    summary: "A claims buffer is not the CBOR map that it should be.",
    cause: "evidence",
  },
  ERR_PCK_CHAIN: {
    kind: "unauthenticated",
    summary: "The PCK certificate chain is malformed, breaks a rule of such chains, or has a wrong signature.",
    cause: "evidence",
  },
  ERR_PCK_TIME: {
    kind: "unauthenticated",
    summary: "A certificate of the PCK chain is not valid at the time of verification.",
    cause: "evidence",
  },
  ERR_TRUST_ANCHOR: {
    kind: "unauthenticated",
    summary: "The chain ends in a root that is not among the trusted ones.",
    cause: "evidence",
  },
  ERR_CRL: {
    kind: "unauthenticated",
    summary: "A certificate revocation list is malformed, of another issuer, or has a wrong signature.",
    cause: "evidence",
  },
  ERR_CERTIFICATE_REVOKED: {
    kind: "unauthenticated",
    summary: "A certificate of the chain has been revoked.",
    cause: "evidence",
  },
  ERR_COLLATERAL_CHAIN: {
    kind: "unauthenticated",
    summary: "The issuer chain of a piece of collateral is malformed, has a wrong signature, or ends in another root.",
    cause: "evidence",
  },
  ERR_COLLATERAL_SIGNATURE: {
    kind: "unauthenticated",
    summary: "The signature of TCB Info or QE Identity is wrong.",
    cause: "evidence",
  },
  ERR_COLLATERAL_CONTENT: {
    kind: "invalid-argument",
    summary: "TCB Info or QE Identity is correctly signed, and breaks a rule of its format.",
    cause: "evidence",
  },
  ERR_COLLATERAL_MISMATCH: {
    kind: "failed-precondition",
    summary: "The collateral is that of another TEE or platform.",
    cause: "evidence",
  },
  ERR_QE_REPORT_SIGNATURE: {
    kind: "unauthenticated",
    summary: "The quoting enclave's report is not signed by the platform's PCK key.",
    cause: "evidence",
  },
  ERR_QE_REPORT_DATA: {
    kind: "unauthenticated",
    summary: "The quoting enclave's report does not vouch for the attestation key of the quote.",
    cause: "evidence",
  },
  ERR_QE_IDENTITY: {
    kind: "unauthenticated",
    summary: "The report is not that of the quoting enclave that the QE Identity describes.",
    cause: "evidence",
  },
  ERR_QUOTE_SIGNATURE: {
    kind: "unauthenticated",
    summary: "The quote is not signed by its attestation key.",
    cause: "evidence",
  },
  ERR_TDX_MODULE: {
    kind: "unauthenticated",
    summary: "The TDX module is none that the collateral knows, or not signed as it says.",
    cause: "evidence",
  },
  ERR_SNP_CHAIN: {
    kind: "unauthenticated",
    summary:
      "The certificate chain of an SEV-SNP endorsement key is malformed, breaks a rule, or has a wrong signature.",
    cause: "evidence",
  },
  ERR_SNP_TIME: {
    kind: "unauthenticated",
    summary: "A certificate of the endorsement key's chain is not valid at the time of verification.",
    cause: "evidence",
  },
  ERR_SNP_PRODUCT: {
    kind: "failed-precondition",
    summary: "An SEV-SNP report or its key is of an unknown product, or they are of two different ones.",
    cause: "evidence",
  },
  ERR_SNP_SIGNING_KEY: {
    kind: "unauthenticated",
    summary:
      "An SEV-SNP report names another kind of signing key (VCEK, VLEK) than the one given, or is not signed at all.",
    cause: "evidence",
  },
  ERR_SNP_SIGNATURE: {
    kind: "unauthenticated",
    summary: "The SEV-SNP report is not signed by its endorsement key.",
    cause: "evidence",
  },
  ERR_SNP_TCB: {
    kind: "unauthenticated",
    summary: "REPORTED_TCB of an SEV-SNP report is not the one that its endorsement key was derived from.",
    cause: "evidence",
  },
  ERR_SNP_CHIP_ID: {
    kind: "unauthenticated",
    summary: "CHIP_ID of an SEV-SNP report is not the HWID of its VCEK.",
    cause: "evidence",
  },
  ERR_TOKEN_SIGNATURE: {
    kind: "unauthenticated",
    summary: "A token (CCA, PSA) or a Nitro document is not signed by a trusted key, or by the one that it carries.",
    cause: "evidence",
  },
  ERR_REALM_KEY: {
    kind: "unauthenticated",
    summary: "The platform token of a CCA token does not vouch for the realm's key.",
    cause: "evidence",
  },
  ERR_NITRO_CHAIN: {
    kind: "unauthenticated",
    summary: "The certificate chain of a Nitro document breaks a rule of such chains, or has a wrong signature.",
    cause: "evidence",
  },
  ERR_NITRO_TIME: {
    kind: "unauthenticated",
    summary: "A Nitro document or a certificate of its chain is not valid at the time of verification.",
    cause: "evidence",
  },
  ERR_TCB_NOT_SUPPORTED: {
    kind: "failed-precondition",
    summary: "The platform or its quoting enclave is below every TCB level that its vendor knows.",
    cause: "evidence",
  },
  ERR_TCB_REVOKED: {
    kind: "unauthenticated",
    summary: "The vendor has revoked the platform's TCB level.",
    cause: "evidence",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;

/** Nothing against the evidence, but no sufficient endorsements beside it. A verifying command ends with 4. */
const collateralCodes = {
  ERR_COLLATERAL_MISSING: {
    kind: "failed-precondition",
    summary: "The verification needs collateral that was not given.",
    cause: "collateral",
  },
  ERR_COLLATERAL_EXPIRED: {
    kind: "failed-precondition",
    summary: "A piece of collateral is past its date, or not valid yet.",
    cause: "collateral",
  },
  ERR_COLLATERAL_FETCH: {
    kind: "unavailable",
    summary: "A collateral service cannot be reached, is late, or answered otherwise than it should.",
    cause: "collateral",
  },
  ERR_COLLATERAL_NOT_FOUND: {
    kind: "not-found",
    summary: "A collateral service does not have what was asked for.",
    cause: "collateral",
  },
  ERR_COLLATERAL_RATE_LIMIT: {
    kind: "resource-exhausted",
    summary: "A collateral service is busy and says when to ask again.",
    cause: "collateral",
  },
  ERR_COLLATERAL_REJECTED: {
    kind: "unauthenticated",
    summary: "A source gave collateral that is malformed, signed by nobody trusted, or an answer to another question.",
    cause: "collateral",
  },
  ERR_COLLATERAL_ROLLBACK: {
    kind: "failed-precondition",
    summary: "Collateral is of an older TCB evaluation than one that was seen before.",
    cause: "collateral",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;

/** True evidence of something that the policy does not want. A verifying command ends with 5. */
const policyCodes = {
  ERR_POLICY_SIMULATED: {
    kind: "permission-denied",
    summary: "The evidence is simulated: its trust anchor is not a hardware vendor's.",
    cause: "policy",
  },
  ERR_POLICY_DEBUG: {
    kind: "permission-denied",
    summary: "The enclave is a debug one: its memory can be read from outside.",
    cause: "policy",
  },
  ERR_POLICY_NO_REFERENCE: {
    kind: "permission-denied",
    summary: "There is no reference value to compare the measurement with.",
    cause: "policy",
  },
  ERR_POLICY_MEASUREMENT: {
    kind: "permission-denied",
    summary: "The measurement is not the one of the reference.",
    cause: "policy",
  },
  ERR_POLICY_CONTAINER_SELF_ASSERTED: {
    kind: "permission-denied",
    summary: "A guest says what container it runs, and is no guest image whose word about that counts.",
    cause: "policy",
  },
  ERR_POLICY_SIGNER: {
    kind: "permission-denied",
    summary: "The enclave's signer is not the one of the reference.",
    cause: "policy",
  },
  ERR_POLICY_PRODUCT: {
    kind: "permission-denied",
    summary: "The enclave's product id is not the one of the reference.",
    cause: "policy",
  },
  ERR_POLICY_VERSION: {
    kind: "permission-denied",
    summary: "The enclave's security version is below that of the reference.",
    cause: "policy",
  },
  ERR_POLICY_NO_NONCE: {
    kind: "permission-denied",
    summary: "The evidence was not made for a nonce of the verifier, so it may be old.",
    cause: "policy",
  },
  ERR_POLICY_NONCE: {
    kind: "permission-denied",
    summary: "The evidence was made for another nonce than the verifier's.",
    cause: "policy",
  },
  ERR_POLICY_TD_ATTRIBUTES: {
    kind: "permission-denied",
    summary: "A TD has attributes that are reserved, so nobody can say what they do.",
    cause: "policy",
  },
  ERR_POLICY_SEPT_VE_DISABLE: {
    kind: "permission-denied",
    summary: "A TD was launched without SEPT_VE_DISABLE: its host can inject #VE.",
    cause: "policy",
  },
  ERR_POLICY_SERVICE_TD: {
    kind: "permission-denied",
    summary: "A service TD is bound to the TD, which the policy does not expect.",
    cause: "policy",
  },
  ERR_POLICY_VMPL: {
    kind: "permission-denied",
    summary: "An SEV-SNP report is of a privilege level (VMPL) that the policy does not accept.",
    cause: "policy",
  },
  ERR_POLICY_MIGRATION: {
    kind: "permission-denied",
    summary: "A migration agent may move the SEV-SNP guest to another machine.",
    cause: "policy",
  },
  ERR_POLICY_MASKED_CHIP_ID: {
    kind: "permission-denied",
    summary: "CHIP_ID of an SEV-SNP report is masked, so that it is bound to no chip.",
    cause: "policy",
  },
  ERR_POLICY_NO_REVOCATION: {
    kind: "permission-denied",
    summary: "No revocation list was given, so nobody knows whether the endorsement key is still good.",
    cause: "policy",
  },
  ERR_POLICY_MIN_TCB: {
    kind: "permission-denied",
    summary: "A part of the platform's firmware is below the policy's minimum.",
    cause: "policy",
  },
  ERR_POLICY_PLATFORM: {
    kind: "permission-denied",
    summary: "The platform is not the one of the reference.",
    cause: "policy",
  },
  ERR_POLICY_LIFECYCLE: {
    kind: "permission-denied",
    summary: "An Arm platform is not in its secured state.",
    cause: "policy",
  },
  ERR_POLICY_AGE: {
    kind: "permission-denied",
    summary: "The evidence is older than the policy wants.",
    cause: "policy",
  },
  ERR_POLICY_TCB_STATUS: {
    kind: "permission-denied",
    summary: "The platform's TCB status is not one that the policy accepts.",
    cause: "policy",
  },
  ERR_POLICY_ADVISORY: {
    kind: "permission-denied",
    summary: "A security advisory applies to the platform that the policy does not list as mitigated.",
    cause: "policy",
  },
  ERR_POLICY_EVALUATION: {
    kind: "permission-denied",
    summary: "The collateral's TCB evaluation data number is below the policy's minimum.",
    cause: "policy",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;

/** Attestation results as signed tokens. */
const tokenCodes = {
  ERR_EAR_FORMAT: {
    kind: "invalid-argument",
    summary: "An attestation result (EAR) is not a compact JWS with the claims that its profile calls for.",
    cause: "evidence",
  },
  ERR_EAR_KEY: {
    kind: "unauthenticated",
    summary: "An attestation result names a signing key that the relying party does not trust.",
    cause: "evidence",
  },
  ERR_EAR_SIGNATURE: {
    kind: "unauthenticated",
    summary: "The signature of an attestation result is wrong.",
    cause: "evidence",
  },
  ERR_EAR_TIME: {
    kind: "failed-precondition",
    summary: "An attestation result is past its date, or not valid yet.",
    cause: "collateral",
  },
  ERR_EAR_GROUNDS: {
    kind: "failed-precondition",
    summary: "A verdict rests on collateral past its date, and a token must not live longer than its grounds.",
    cause: "collateral",
  },
  ERR_EAR_AUDIENCE: {
    kind: "permission-denied",
    summary: "An attestation result was issued for another audience.",
    cause: "policy",
  },
  ERR_EAR_ISSUER: {
    kind: "permission-denied",
    summary: "An attestation result was issued by another issuer than the expected one.",
    cause: "policy",
  },
  ERR_EAR_NONCE: {
    kind: "permission-denied",
    summary: "An attestation result carries another nonce than the relying party's, or none.",
    cause: "policy",
  },
  ERR_EAR_STATUS: {
    kind: "permission-denied",
    summary: "An attestation result is genuine, and its status is not good enough.",
    cause: "policy",
  },
  ERR_EAR_OPTIONS: {
    kind: "invalid-argument",
    summary: "A token cannot be issued with this audience, nonce, issuer or life time.",
  },
  ERR_EAR_SIGNING_KEY: {
    kind: "invalid-argument",
    summary: "A key for signing tokens cannot be read, or is none of P-256, P-384 and Ed25519.",
  },
  ERR_VERDICT_FORMAT: {
    kind: "invalid-argument",
    summary: "A file given as a verdict is not JSON with the members of one.",
  },
  ERR_JWKS_FORMAT: {
    kind: "invalid-argument",
    summary: "A JSON Web Key Set is malformed, holds no usable key, or holds a private one.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;

export const attestationCodes = {
  ...evidenceCodes,
  ...collateralCodes,
  ...policyCodes,
  ...tokenCodes,
  ERR_POLICY_FORMAT: {
    kind: "invalid-argument",
    summary: "A policy has an unknown member or a wrong value.",
  },
  ERR_TRUST_ANCHOR_FORMAT: {
    kind: "invalid-argument",
    summary: "A file of trust anchors holds no root certificate, or a malformed one.",
  },
  ERR_COLLATERAL_STORE: {
    kind: "data-loss",
    summary: "The record of TCB evaluations seen, kept beside the cache of collateral, is damaged.",
  },
  ERR_VERIFIER_BUSY: {
    kind: "resource-exhausted",
    summary: "Too many pieces of evidence wait to be verified already.",
  },
  ERR_ATTESTERD_PROTOCOL: {
    kind: "internal",
    summary: "attesterd gave an answer that is not of its protocol.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
