import type { CodeEntry } from "../kinds.ts";

export const enclaveTlsCodes = {
  ERR_TLS_PROTOCOL: { kind: "unauthenticated", summary: "The peer broke a rule of the Enclave-TLS protocol." },
  ERR_TLS_UNREACHABLE: { kind: "unavailable", summary: "No connection to the peer could be made." },
  ERR_TLS_CLOSED: { kind: "unavailable", summary: "The connection ended before it should." },
  ERR_TLS_HANDSHAKE: { kind: "unauthenticated", summary: "The TLS handshake failed." },
  ERR_TLS_VERSION: { kind: "unauthenticated", summary: "The peer does not speak TLS 1.3." },
  ERR_TLS_ALPN: { kind: "unauthenticated", summary: "The peer does not speak inclavare-etls/1 (ALPN)." },
  ERR_TLS_RESUMED: { kind: "unauthenticated", summary: "A TLS session was resumed; every connection must be new." },
  ERR_TLS_CERTIFICATE_MISSING: { kind: "unauthenticated", summary: "The peer showed no certificate." },
  ERR_TLS_CERTIFICATE: {
    kind: "unauthenticated",
    summary: "The peer's certificate is malformed, or not signed by its own key.",
    cause: "evidence",
  },
  ERR_TLS_CERTIFICATE_TIME: {
    kind: "unauthenticated",
    summary: "The peer's certificate is not valid yet, or no longer.",
    cause: "evidence",
  },
  ERR_TLS_CERTIFICATE_KEY: {
    kind: "unauthenticated",
    summary: "The evidence in the peer's certificate speaks of another key.",
    cause: "evidence",
  },
  ERR_TLS_OWN_KEY: {
    kind: "unauthenticated",
    summary: "The peer shows this side's own key: a reflected connection.",
    cause: "evidence",
  },
  ERR_TLS_EVIDENCE_MISSING: {
    kind: "unauthenticated",
    summary: "Evidence is required, and the peer has none.",
    cause: "policy",
  },
  ERR_TLS_PROOF: {
    kind: "unauthenticated",
    summary: "The peer's proof cannot be decoded, or lacks a claim.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_PURPOSE: {
    kind: "unauthenticated",
    summary: "The peer's evidence was made for another purpose than a session.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_ROLE: {
    kind: "unauthenticated",
    summary: "The peer's proof was made for the other end of a connection: a reflection.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_NONCE: {
    kind: "unauthenticated",
    summary: "The peer's proof answers another challenge: a replay.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_CHANNEL: {
    kind: "unauthenticated",
    summary: "The peer's proof belongs to another connection: a relay.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_LEAF: {
    kind: "unauthenticated",
    summary: "The peer's proof names other certificates than those of this connection.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_KEY: {
    kind: "unauthenticated",
    summary: "The peer's proof speaks of another key than its certificate.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_WORKLOAD: {
    kind: "unauthenticated",
    summary: "The peer's proof is that of another workload: a diversion.",
    cause: "evidence",
  },
  ERR_TLS_PROOF_UNBOUND: {
    kind: "unauthenticated",
    summary: "The evidence does not carry the hash of the claims beside it.",
    cause: "evidence",
  },
  ERR_TLS_APPRAISAL: {
    kind: "permission-denied",
    summary: "The peer's evidence was appraised and not accepted.",
    cause: "policy",
  },
  ERR_TLS_NOT_AUTHORIZED: {
    kind: "permission-denied",
    summary: "The peer's key is not one that this side lets in.",
    cause: "policy",
  },
  ERR_TLS_REVOKED: {
    kind: "permission-denied",
    summary: "The verdict that let the peer in was revoked while the connection was open.",
    cause: "policy",
  },
  ERR_TLS_ATTESTER: { kind: "unavailable", summary: "The evidence that the peer demanded could not be made." },
  ERR_TLS_REFUSED_BY_PEER: {
    kind: "permission-denied",
    summary: "The peer refused the connection; the details carry its code.",
  },
  ERR_TLS_PLUGIN: {
    kind: "failed-precondition",
    summary: "No attester or verifier is registered for this, or two are.",
    cause: "policy",
  },
  ERR_TLS_KEY: { kind: "invalid-argument", summary: "A private key cannot be read, or is not P-256." },
  ERR_TLS_HTTP: { kind: "unavailable", summary: "The peer's HTTP answer is malformed or too large." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
