/** Evidence that may be true, and is not this sender's, this key's or this connection's. */
import type { AdviceTable } from "./advice.ts";

const STOLEN = "Evidence of a genuine TEE is being shown by somebody who is not in it.";
const CLOSE = "Keep the connection closed. Connect anew; if it comes back, somebody stands between.";

export const bindingAdvice = {
  ERR_EVIDENCE_UNBOUND: {
    means: `The evidence is not about the claims or the key that came with it. ${STOLEN}`,
    todo: "Do not use the key. Have the workload make evidence over its own claims, inside the TEE.",
  },
  ERR_EVIDENCE_CERTIFICATE: {
    means: "The certificate around the evidence is not signed by its own key, or not valid at this time.",
    todo: "Check the clock or --time; otherwise have the workload make a new certificate.",
  },
  ERR_CLAIMS_FORMAT: {
    means: "The claims beside the evidence cannot be read.",
    todo: "Update the side that makes them: they must be a CBOR map of text to byte strings.",
  },
  ERR_TLS_CERTIFICATE: {
    means: "The other side's certificate is damaged, or its holder does not have the key.",
    todo: CLOSE,
  },
  ERR_TLS_CERTIFICATE_TIME: {
    means: "The other side's certificate is not valid at this time.",
    todo: "Compare the clocks of both sides; otherwise let the other side make a new certificate.",
  },
  ERR_TLS_CERTIFICATE_KEY: { means: `The evidence in the certificate is about another key. ${STOLEN}`, todo: CLOSE },
  ERR_TLS_OWN_KEY: { means: "Your own words come back to you: the connection is reflected.", todo: CLOSE },
  ERR_TLS_EVIDENCE_MISSING: {
    means: "The other side has shown no evidence, so nobody knows what it is.",
    todo: "Run the workload in a TEE with an attester, or tell this side explicitly to do without.",
  },
  ERR_TLS_PROOF: { means: "The other side's proof of this session cannot be read.", todo: CLOSE },
  ERR_TLS_PROOF_PURPOSE: { means: `The evidence was made for something else than a session. ${STOLEN}`, todo: CLOSE },
  ERR_TLS_PROOF_ROLE: { means: "The proof was made for the other end of a connection: a reflection.", todo: CLOSE },
  ERR_TLS_PROOF_NONCE: { means: "The proof answers an earlier question: it was recorded and sent again.", todo: CLOSE },
  ERR_TLS_PROOF_CHANNEL: { means: `The proof is of another connection: it is being relayed. ${STOLEN}`, todo: CLOSE },
  ERR_TLS_PROOF_LEAF: { means: `The proof is about other certificates than those shown here. ${STOLEN}`, todo: CLOSE },
  ERR_TLS_PROOF_KEY: { means: `The proof is about another key than the one that speaks. ${STOLEN}`, todo: CLOSE },
  ERR_TLS_PROOF_UNBOUND: { means: `The proof is not bound to what it comes with. ${STOLEN}`, todo: CLOSE },
  ERR_TLS_PROOF_WORKLOAD: {
    means: "A genuine workload answered, and it is not the one that was asked for.",
    todo: "Check the name of the workload, and where the connection is led to.",
  },
  ERR_TLS_APPRAISAL: {
    means: "The other side's evidence was looked at and not accepted.",
    todo: "See the checks of its verdict: each has advice of its own.",
  },
  ERR_TLS_REVOKED: {
    means: "The other side was let in, and its verdict has been taken back since.",
    todo: "See why it was revoked; connect anew, so that it is appraised anew.",
  },
  ERR_TLS_PLUGIN: {
    means: "Nothing is registered here that makes or verifies this kind of evidence, so nothing is known of it.",
    todo: "Register an attester or a verifier for it, once.",
  },
  ERR_TLS_NOT_AUTHORIZED: {
    means: "The other side's key is not one that this side lets in.",
    todo: "Add the hash of that key to those that are let in, if it is the right one (shelter key prints Shelter's).",
  },
} as const satisfies AdviceTable;
