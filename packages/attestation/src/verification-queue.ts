import { InclavareError } from "@inclavare/errors";
import { VerificationCache } from "./cache.ts";
import type { Verdict } from "./verdict.ts";
import { verifyEvidenceAside, type VerifyEvidenceInput } from "./verify-evidence.ts";

export interface VerificationQueueOptions {
  /** Left out: one of its own. */
  readonly cache?: VerificationCache;
  /** How long verifications may follow one another before everything else has its turn; left out: 5 ms. */
  readonly sliceMs?: number;
  /** How many may wait; left out: 10,000. */
  readonly limit?: number;
}

/** On other threads at a time: enough to keep them busy. */
const MOST_RUNNING = 64;

interface Waiting {
  readonly input: VerifyEvidenceInput & { readonly cache: VerificationCache };
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Verifies any number of pieces of evidence at once without holding up the event loop: in slices of a few milliseconds,
 * between which timers and sockets have their turn, with the dearest signatures (P-384) on the threads that Node keeps for
 * cryptography. In the order of asking, but for those.
 */
export class VerificationQueue {
  readonly #cache: VerificationCache;
  readonly #sliceMs: number;
  readonly #limit: number;
  #waiting: Waiting[] = [];
  #next = 0;
  #running = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor({ cache = new VerificationCache(), sliceMs = 5, limit = 10_000 }: VerificationQueueOptions = {}) {
    this.#cache = cache;
    this.#sliceMs = sliceMs;
    this.#limit = limit;
  }

  /** How many have no verdict yet. */
  get size(): number {
    return this.#running + this.#waiting.length - this.#next;
  }

  /**
   * As `verifyEvidence`: bad evidence is a verdict, never an error.
   * @param input without a cache, which is the queue's.
   * @throws InclavareError ERR_VERIFIER_BUSY where too many wait already; ERR_CANCELLED where the queue is closed, or is
   *   while this waits
   */
  async verify(input: Omit<VerifyEvidenceInput, "cache">): Promise<Verdict> {
    if (this.#isClosed) throw closed();
    if (this.size >= this.#limit) {
      throw new InclavareError("ERR_VERIFIER_BUSY", `${this.size} pieces of evidence wait to be verified already`);
    }
    return await new Promise<Verdict>((resolve, reject) => {
      this.#waiting.push({ input: { ...input, cache: this.#cache }, resolve, reject });
      this.#schedule();
    });
  }

  /** Nobody waits any longer: what has not had its turn ends with ERR_CANCELLED; what has, ends as it would. */
  close(): void {
    this.#isClosed = true;
    const waiting = this.#waiting.slice(this.#next);
    [this.#waiting, this.#next] = [[], 0];
    for (const { reject } of waiting) reject(closed());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #schedule(): void {
    const isIdle = this.#next === this.#waiting.length || this.#running >= MOST_RUNNING;
    if (this.#isScheduled || isIdle) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#runSlice();
      this.#schedule();
    });
  }

  #runSlice(): void {
    const end = performance.now() + this.#sliceMs;
    do {
      const waiting = this.#waiting[this.#next];
      if (waiting === undefined || this.#running >= MOST_RUNNING) break;
      this.#next += 1;
      void this.#run(waiting);
    } while (performance.now() < end);
    // What is done goes in one piece, not one by one from the front.
    const isDone = this.#next > 1024 || this.#next === this.#waiting.length;
    if (isDone) [this.#waiting, this.#next] = [this.#waiting.slice(this.#next), 0];
  }

  async #run({ input, resolve, reject }: Waiting): Promise<void> {
    this.#running += 1;
    try {
      resolve(await verifyEvidenceAside(input));
    } catch (error) {
      reject(error);
    } finally {
      this.#running -= 1;
      this.#schedule();
    }
  }
}

function closed(): InclavareError {
  return new InclavareError("ERR_CANCELLED", "the queue of verifications is closed");
}
