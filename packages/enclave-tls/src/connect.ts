import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { InclavareError, toInclavareError } from "@inclavare/errors";
import { checkLeafCertificate } from "./certificate.ts";
import { FrameChannel } from "./channel.ts";
import { exchangeProofs } from "./exchange.ts";
import { type Handshake, type Role, runHandshake } from "./handshake.ts";
import type { Identity } from "./identity.ts";
import type { PeerPolicy } from "./policy.ts";
import { isToldToPeer } from "./refusal.ts";
import type { Leaf, Session } from "./session-claims.ts";
import type { Sessions } from "./sessions.ts";
import { EnclaveTlsSocket } from "./socket.ts";
import { openTransport, type Transport } from "./transport.ts";
import { Upkeep } from "./upkeep.ts";

export interface EnclaveTlsOptions {
  readonly identity: Identity;
  /** What the peer must be. There is no default: leaving it out refuses every peer. */
  readonly peer: PeerPolicy;
  /** For everything up to the open socket: connecting, the handshake, making and appraising evidence. */
  readonly timeoutMs: number;
  /** Where the open socket is entered, so that it can be found when verdicts are revoked. */
  readonly sessions?: Sessions;
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
  // The proofs are small messages that answer each other: waiting to fill a segment would cost 40 ms each.
  if (stream instanceof Socket) stream.setNoDelay(true);
  try {
    const { identity } = options;
    const now = clock(options);
    await identity.renew(now);
    const own = { certificateDer: identity.certificateDer, spkiSha256: identity.spkiSha256 };
    const handshake = await runHandshake(stream, role, identity.handshakeContext, signal);
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
  readonly own: Leaf;
  readonly stream: Duplex;
  readonly now: Date;
}

async function prove(handshake: Handshake, ends: Ends): Promise<EnclaveTlsSocket> {
  const { tls, role, exporter } = handshake;
  const { identity, peer: policy, timeoutMs, sessions } = ends.options;
  const channel = new FrameChannel(tls);
  const checkLeaf = (now: Date): Leaf =>
    checkLeafCertificate(handshake.peerCertificate, {
      now,
      ownSpkiSha256: ends.own.spkiSha256,
      evidenceRequired: policy.evidence !== "none",
    });
  try {
    const peer = checkLeaf(ends.now);
    const session: Session = { role, exporter, own: ends.own, peer };
    const parties = { session, identity, policy, now: () => clock(ends.options) };
    const outcome = await exchangeProofs(channel, parties);
    const recheck = (): void => void checkLeaf(clock(ends.options));
    const upkeep = new Upkeep(parties, outcome, { timeoutMs, checkLeaf: recheck });
    const socket = new EnclaveTlsSocket(tls, ends.stream, { peer, exporter, upkeep });
    sessions?.add(socket);
    return socket;
  } catch (error) {
    ends.attempt.failure = error;
    if (isToldToPeer(error) && !ends.attempt.signal.aborted) await channel.refuse(error, REFUSAL_LINGER_MS);
    tls.destroy();
    throw error;
  }
}

function clock({ now }: EnclaveTlsOptions): Date {
  return now?.() ?? new Date();
}
