import { type TrustAnchor, type Verdict, verifyEvidence } from "@inclavare/attestation";
import {
  type Appraise,
  connectEnclaveTls,
  createHttpClient,
  type EnclaveTlsSocket,
  type HttpClient,
  type Identity,
} from "@inclavare/enclave-tls";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { connectAttestSocket } from "./attest-socket.ts";
import type { FoundWorkload } from "./scan.ts";

/** A session may be held for days; what is said of the workload is never older than this and one answer. */
const REATTEST_AFTER_MS = 5 * 60 * 1000;

/** One attested connection to a workload, and what was learnt on it. */
export interface WorkloadSession {
  /** The workload's name, a claim of its session proof. */
  readonly name: string;
  /**
   * Of the latest proof. Evidence only: signatures, chains and TCB status. Whether this is the right workload is for the
   * verifier to say.
   */
  readonly verdict: Verdict;
  readonly http: HttpClient;
}

export interface SessionOptions {
  readonly identity: Identity;
  readonly trustAnchors: readonly TrustAnchor[];
  /** For one session to come up, and for one answer on it. */
  readonly timeoutMs: number;
  readonly now: () => Date;
}

interface Entry {
  readonly session: Promise<WorkloadSession>;
  isOpen: boolean;
  close(): void;
}

/** Holds at most one session per workload: made when first needed, made again when broken, closed when the workload goes. */
export class WorkloadSessions implements Disposable {
  readonly #options: SessionOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The session of a workload, the same one as before where that still stands. */
  async get(workload: FoundWorkload): Promise<WorkloadSession> {
    if (workload.error !== undefined) throw workload.error;
    const held = this.#entries.get(workload.key);
    if (held?.isOpen === true) return await held.session;
    const entry = this.#start(workload);
    this.#entries.set(workload.key, entry);
    return await entry.session;
  }

  /**
   * Asks the workload something that may be asked twice. A session that broke since its last use is made anew, once.
   */
  async ask<T>(workload: FoundWorkload, question: (session: WorkloadSession) => Promise<T>): Promise<T> {
    const held = this.#entries.get(workload.key)?.isOpen === true;
    const session = await this.get(workload);
    try {
      return await question(session);
    } catch (error) {
      if (!held || !isInclavareError(error, "ERR_TLS_CLOSED")) throw error;
      return await question(await this.get(workload));
    }
  }

  /** Closes the sessions of workloads that are no longer there. */
  keepOnly(present: readonly FoundWorkload[]): void {
    const keys = new Set(present.map(({ key }) => key));
    for (const [key, entry] of this.#entries) if (!keys.has(key)) entry.close();
  }

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.dispose](): void {
    for (const entry of this.#entries.values()) entry.close();
  }

  #start(workload: FoundWorkload): Entry {
    let isClosed = false;
    let http: HttpClient | undefined;
    const opened = openSession(workload, this.#options);
    const entry: Entry = {
      isOpen: true,
      close: () => {
        isClosed = true;
        entry.isOpen = false;
        http?.close();
        if (this.#entries.get(workload.key) === entry) this.#entries.delete(workload.key);
      },
      session: opened.then(({ session, socket }) => {
        http = session.http;
        socket.once("close", () => entry.close());
        if (isClosed || socket.destroyed) {
          entry.close();
          throw new InclavareError(
            "ERR_TLS_CLOSED",
            `session with ${workload.container} closed as soon as it was open`,
          );
        }
        return session;
      }),
    };
    entry.session.catch(() => entry.close());
    return entry;
  }
}

async function openSession(
  workload: FoundWorkload,
  { identity, trustAnchors, timeoutMs, now }: SessionOptions,
): Promise<{ session: WorkloadSession; socket: EnclaveTlsSocket }> {
  const transport = await connectAttestSocket(workload, timeoutMs);
  const appraise: Appraise = async (_evidence, _claims, _claimsBytes, message) =>
    verifyEvidence({ bytes: message, trustAnchors, now: now(), allow: [], evidenceOnly: true });
  const socket = await connectEnclaveTls(transport, {
    identity,
    peer: { evidence: "required", sufficient: "verified", appraise, reattestAfterMs: REATTEST_AFTER_MS },
    timeoutMs,
    now,
  });
  const { workload: name, verdict } = socket.peer;
  if (name === undefined || verdict === undefined) {
    socket.destroy();
    throw new InclavareError("ERR_WORKLOAD_STATE", `the proof of container ${workload.container} names no workload`);
  }
  const session = {
    name,
    get verdict(): Verdict {
      return socket.peer.verdict ?? verdict;
    },
    http: createHttpClient(socket),
  };
  return { session, socket };
}
