import type { Duplex } from "node:stream";
import { InclavareError, isInclavareError, toInclavareError } from "@inclavare/errors";
import { checkLeafCertificate } from "./certificate.ts";
import { FrameChannel } from "./channel.ts";
import { exchangeProofs } from "./exchange.ts";
import { type Handshake, type Role, runHandshake } from "./handshake.ts";
import type { Identity } from "./identity.ts";
import type { PeerPolicy } from "./policy.ts";
import type { Session } from "./session-claims.ts";
import { EnclaveTlsSocket } from "./socket.ts";
import { openTransport, type Transport } from "./transport.ts";

export interface EnclaveTlsOptions {
  readonly identity: Identity;
  /** What the peer must be. There is no default: leaving it out refuses every peer. */
  readonly peer: PeerPolicy;
  /** For everything up to the open socket: connecting, the handshake, making and appraising evidence. */
  readonly timeoutMs: number;
  /** The clock for certificates; left out: the system's. */
  readonly now?: () => Date;
}

/** How long a refusing side waits for the peer to read the reason. */
const REFUSAL_LINGER_MS = 1000;

/**
 * Connects as the client end. The transport is owned from now on: it is closed with the socket, and on every failure.
 * @throws InclavareError ERR_TLS_*, ERR_DEADLINE; see docs/enclave-tls.md for which is which.
 */
export async function connectEnclaveTls(transport: Transport, options: EnclaveTlsOptions): Promise<EnclaveTlsSocket> {
  return establish(transport, "client", options);
}

/** Accepts as the server end of a connection; otherwise as {@link connectEnclaveTls}. */
export async function acceptEnclaveTls(transport: Duplex, options: EnclaveTlsOptions): Promise<EnclaveTlsSocket> {
  return establish(transport, "server", options);
}

/** One attempt: its deadline, and why it failed, which is known before the peer has been told. */
interface Attempt {
  readonly signal: AbortSignal;
  failure?: unknown;
}

async function establish(transport: Transport, role: Role, options: EnclaveTlsOptions): Promise<EnclaveTlsSocket> {
  const deadline = new AbortController();
  const attempt: Attempt = { signal: deadline.signal };
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    const late = new InclavareError("ERR_DEADLINE", `no Enclave-TLS connection within ${options.timeoutMs} ms`);
    deadline.abort(late);
    reject(attempt.failure ?? late);
  };
  const timer = setTimeout(stop, options.timeoutMs);
  try {
    return await Promise.race([open(transport, role, { options, attempt }), expired]);
  } catch (error) {
    throw toInclavareError(error);
  } finally {
    clearTimeout(timer);
  }
}

async function open(
  transport: Transport,
  role: Role,
  { options, attempt }: { readonly options: EnclaveTlsOptions; readonly attempt: Attempt },
): Promise<EnclaveTlsSocket> {
  const { signal } = attempt;
  const stream = await openTransport(transport, signal);
  const destroy = (): void => {
    stream.destroy();
  };
  signal.addEventListener("abort", destroy, { once: true });
  // What is still to be written stays writable after the peer's end; the socket on top decides when to end.
  stream.allowHalfOpen = true;
  try {
    const { identity } = options;
    const now = options.now?.() ?? new Date();
    await identity.renew(now);
    const own = { certificateDer: identity.certificateDer, spkiSha256: identity.spkiSha256 };
    const privateKeyPem = identity.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const handshake = await runHandshake(
      stream,
      role,
      { certificatePem: identity.certificatePem, privateKeyPem },
      signal,
    );
    return await prove(handshake, { options, attempt, own, stream, now });
  } catch (error) {
    destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", destroy);
  }
}

interface Ends {
  readonly options: EnclaveTlsOptions;
  readonly attempt: Attempt;
  readonly own: { readonly certificateDer: Uint8Array; readonly spkiSha256: Uint8Array };
  readonly stream: Duplex;
  readonly now: Date;
}

async function prove(handshake: Handshake, ends: Ends): Promise<EnclaveTlsSocket> {
  const { tls, role, exporter } = handshake;
  const { identity, peer: policy } = ends.options;
  const channel = new FrameChannel(tls);
  try {
    const leaf = checkLeafCertificate(handshake.peerCertificate, {
      now: ends.now,
      ownSpkiSha256: ends.own.spkiSha256,
      evidenceRequired: policy.evidence !== "none",
    });
    const session: Session = { role, exporter, own: ends.own, peer: leaf };
    const proof = await exchangeProofs(channel, { session, identity, policy });
    const peer = { spkiSha256: leaf.spkiSha256, certificateDer: leaf.certificateDer, ...proof };
    return new EnclaveTlsSocket(tls, ends.stream, { peer, exporter });
  } catch (error) {
    ends.attempt.failure = error;
    if (isToldToPeer(error) && !ends.attempt.signal.aborted) await channel.refuse(error, REFUSAL_LINGER_MS);
    tls.destroy();
    throw error;
  }
}

/** A peer that broke the protocol, hung up, or has itself refused gets no answer. */
function isToldToPeer(error: unknown): boolean {
  const silent = ["ERR_TLS_PROTOCOL", "ERR_TLS_CLOSED", "ERR_TLS_REFUSED_BY_PEER"] as const;
  return !silent.some((code) => isInclavareError(error, code));
}
