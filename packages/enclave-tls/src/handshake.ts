import { constants } from "node:crypto";
import type { Duplex } from "node:stream";
import { connect, createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { InclavareError } from "@inclavare/errors";

/** Who started the connection. The two ends prove different things, so that neither can be played back to its maker. */
export type Role = "client" | "server";

/** The one application protocol of this package (RFC 7301); both sides require it. */
export const ALPN_PROTOCOL = "inclavare-etls/1";

/** RFC 8446, section 7.5: the label of our own exporter value; the context is empty. */
export const EXPORTER_LABEL = "EXPORTER-inclavare-etls-1";

const EXPORTER_BYTES = 32;

/** What a finished handshake leaves: an encrypted stream between two holders of keys, about whom nothing is known yet. */
export interface Handshake {
  readonly tls: TLSSocket;
  readonly role: Role;
  readonly exporter: Uint8Array;
  /** DER of the peer's leaf certificate; undefined where the peer showed none. */
  readonly peerCertificate: Uint8Array | undefined;
}

/**
 * What a side brings into its handshakes; made once for a certificate, since parsing key and certificate is a third of a
 * handshake. No session crosses from one connection to another through it: OpenSSL keeps none (Node turns its store off),
 * a ticket that is not self-contained opens nothing without that store, and no connection is given a session to resume.
 */
export function createHandshakeContext(certificatePem: string, privateKeyPem: string): SecureContext {
  return createSecureContext({
    key: privateKeyPem,
    cert: certificatePem,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}

/**
 * Runs TLS 1.3 over a stream. Node's own judgement of certificates is off on purpose: they are self-signed, and what
 * counts is checked by the proof exchange.
 * @throws InclavareError ERR_TLS_VERSION, ERR_TLS_ALPN, ERR_TLS_RESUMED, ERR_TLS_HANDSHAKE, ERR_TLS_CLOSED
 */
export async function runHandshake(
  transport: Duplex,
  role: Role,
  secureContext: SecureContext,
  signal: AbortSignal,
): Promise<Handshake> {
  const tls = startTls(transport, role, secureContext);
  const stop = (): void => {
    tls.destroy();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    await secured(tls, transport, role);
    checkSession(tls);
    const exporter = new Uint8Array(tls.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)));
    const peer = tls.getPeerX509Certificate();
    return { tls, role, exporter, peerCertificate: peer === undefined ? undefined : new Uint8Array(peer.raw) };
  } catch (error) {
    tls.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function startTls(transport: Duplex, role: Role, secureContext: SecureContext): TLSSocket {
  const options = { secureContext, ALPNProtocols: [ALPN_PROTOCOL], rejectUnauthorized: false };
  if (role === "client") return connect({ ...options, socket: transport });
  return new TLSSocket(transport, { ...options, isServer: true, requestCert: true });
}

async function secured(tls: TLSSocket, transport: Duplex, role: Role): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const event = role === "client" ? "secureConnect" : "secure";
  const closed = (): void => reject(new InclavareError("ERR_TLS_CLOSED", "connection ended during the TLS handshake"));
  const failed = (error: Error): void => reject(handshakeError(error));
  tls.once(event, resolve).once("error", failed).once("end", closed).once("close", closed);
  transport.once("close", closed);
  try {
    await promise;
  } finally {
    tls.off(event, resolve).off("error", failed).off("end", closed).off("close", closed);
    transport.off("close", closed);
    // From here on somebody always listens: an error between two owners of the socket must not take the process down.
    tls.on("error", () => {});
  }
}

function checkSession(tls: TLSSocket): void {
  const version = tls.getProtocol();
  if (version !== "TLSv1.3") throw new InclavareError("ERR_TLS_VERSION", `peer speaks ${version}, expected TLSv1.3`);
  if (tls.alpnProtocol !== ALPN_PROTOCOL) {
    const spoken = tls.alpnProtocol === false || tls.alpnProtocol === null ? "none" : tls.alpnProtocol;
    throw new InclavareError("ERR_TLS_ALPN", `application protocol is ${spoken}, expected ${ALPN_PROTOCOL}`);
  }
  if (tls.isSessionReused()) throw new InclavareError("ERR_TLS_RESUMED", "TLS session was resumed, expected a new one");
}

/** OpenSSL's reasons, as Node names them, that have a code of ours. */
const HANDSHAKE_CODES = {
  ERR_SSL_UNSUPPORTED_PROTOCOL: "ERR_TLS_VERSION",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "ERR_TLS_VERSION",
  ERR_SSL_WRONG_VERSION_NUMBER: "ERR_TLS_VERSION",
  ERR_SSL_NO_APPLICATION_PROTOCOL: "ERR_TLS_ALPN",
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: "ERR_TLS_ALPN",
  ECONNRESET: "ERR_TLS_CLOSED",
  EPIPE: "ERR_TLS_CLOSED",
} as const;

function handshakeError(error: Error & { code?: string }): InclavareError {
  const known = HANDSHAKE_CODES[(error.code ?? "") as keyof typeof HANDSHAKE_CODES] ?? "ERR_TLS_HANDSHAKE";
  return new InclavareError(known, "TLS handshake failed", { cause: error });
}
