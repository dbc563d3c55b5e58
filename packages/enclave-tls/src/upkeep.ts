import type { Verdict } from "@inclavare/attestation";
import { InclavareError, toInclavareError } from "@inclavare/errors";
import { type ExchangeOutcome, judge, newNonce, type Parties } from "./exchange.ts";
import { makeProof, type PeerProof } from "./proof.ts";

/** Verdicts that end at once must not turn a connection into a loop of proofs. */
const LEAST_TIMER_MS = 1000;
/** Node takes no longer timers. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** What the upkeep has done by the connection that it is for. */
export interface UpkeepActions {
  challenge(nonce: Uint8Array): void;
  proven(verdict: Verdict): void;
  /** The peer is no longer accepted. */
  failed(reason: InclavareError): void;
}

export interface UpkeepOptions {
  /** For the answer to a challenge, from sending it to its verdict. */
  readonly timeoutMs: number;
  /** Throws where the peer's certificate is no longer valid. */
  readonly checkLeaf: () => void;
}

interface Pending {
  readonly answer: (message: Uint8Array) => void;
  readonly stop: () => void;
}

/**
 * Keeps what is known of the peer true while the connection is open: answers its challenges, demands a fresh proof when
 * the last one is old, and judges the last one again when the policy has changed.
 */
export class Upkeep {
  readonly #parties: Parties;
  readonly #options: UpkeepOptions;
  #outcome: ExchangeOutcome;
  #actions: UpkeepActions | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pending: Pending | undefined;
  #running: Promise<void> | undefined;

  constructor(parties: Parties, outcome: ExchangeOutcome, options: UpkeepOptions) {
    this.#parties = parties;
    this.#outcome = outcome;
    this.#options = options;
  }

  get proof(): PeerProof {
    return this.#outcome.proof;
  }

  start(actions: UpkeepActions): void {
    this.#actions = actions;
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#actions = undefined;
    this.#pending?.stop();
  }

  /** This side's proof for the peer's challenge. @throws InclavareError ERR_TLS_ATTESTER */
  async answer(nonce: Uint8Array): Promise<Uint8Array> {
    return await makeProof(this.#parties.session, this.#parties.identity, nonce);
  }

  /** Takes the peer's answer. @throws InclavareError ERR_TLS_PROTOCOL where nothing was asked */
  answered(message: Uint8Array): void {
    const pending = this.#pending;
    if (pending === undefined) throw new InclavareError("ERR_TLS_PROTOCOL", "peer sent evidence that nobody asked for");
    this.#pending = undefined;
    pending.answer(message);
  }

  /** Demands a fresh proof, or joins the demand that is running. Resolves when it is judged, or the connection is gone. */
  async reattest(): Promise<void> {
    if (this.#parties.policy.evidence !== "required") return;
    clearTimeout(this.#timer);
    this.#running ??= this.#run(async () => await this.#askAgain());
    await this.#running;
    this.#running = undefined;
  }

  /** Judges the last proof under the policy of now. */
  async reappraise(): Promise<void> {
    await this.#run(async () => {
      const { answer } = this.#outcome;
      this.#options.checkLeaf();
      const proof = await judge(this.#parties, answer, { mayBeKept: false });
      this.#outcome = { ...this.#outcome, proof };
    });
  }

  async #run(work: () => Promise<void>): Promise<void> {
    if (this.#actions === undefined) return;
    try {
      await work();
      this.#arm();
    } catch (error) {
      this.#actions?.failed(toInclavareError(error));
    }
  }

  async #askAgain(): Promise<void> {
    const nonce = newNonce();
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const { timeoutMs, checkLeaf } = this.#options;
    const late = new InclavareError("ERR_DEADLINE", `peer gave no fresh proof within ${timeoutMs} ms`);
    const deadline = Promise.withResolvers<never>();
    const timer = setTimeout(() => deadline.reject(late), timeoutMs);
    this.#pending = {
      answer: resolve,
      stop: () => reject(new InclavareError("ERR_TLS_CLOSED", "the connection closed")),
    };
    try {
      this.#actions?.challenge(nonce);
      const work = promise.then(async (message) => {
        const answer = { message, nonce };
        checkLeaf();
        const proof = await judge(this.#parties, answer, { mayBeKept: false });
        this.#assertSameWorkload(proof);
        return { proof, answer };
      });
      work.catch(() => {}); // where it is late, nobody waits for it any more
      this.#outcome = await Promise.race([work, deadline.promise]);
    } finally {
      clearTimeout(timer);
    }
    const { verdict } = this.#outcome.proof;
    if (verdict !== undefined) this.#actions?.proven(verdict);
  }

  /** Whoever was let in as one workload does not become another one. */
  #assertSameWorkload({ workload }: PeerProof): void {
    const before = this.#outcome.proof.workload;
    if (workload === before) return;
    throw new InclavareError(
      "ERR_TLS_PROOF_WORKLOAD",
      `fresh proof is of ${workload ?? "no workload"}, the last one was of ${before ?? "none"}`,
    );
  }

  /** Looks at the peer again when its proof is old, or what its verdict rests on ends. */
  #arm(): void {
    clearTimeout(this.#timer);
    const { policy } = this.#parties;
    const ends = [this.#msToEndOfVerdict(), policy.evidence === "required" ? policy.reattestAfterMs : undefined];
    const inMs = Math.min(...ends.filter((end) => end !== undefined));
    if (inMs === Number.POSITIVE_INFINITY || this.#actions === undefined) return;
    const lookAgain = async (): Promise<void> =>
      policy.evidence === "required" ? await this.reattest() : await this.reappraise();
    this.#timer = setTimeout(() => void lookAgain(), Math.min(inMs, MOST_TIMER_MS));
    this.#timer.unref();
  }

  /** Where the verdict rests on something that has ended already, the policy has allowed that, and time changes nothing. */
  #msToEndOfVerdict(): number | undefined {
    const { validUntil = null } = this.#outcome.proof.verdict ?? {};
    if (validUntil === null) return undefined;
    const leftMs = new Date(validUntil).getTime() - this.#parties.now().getTime();
    return leftMs > 0 ? Math.max(leftMs + 1, LEAST_TIMER_MS) : undefined;
  }
}
