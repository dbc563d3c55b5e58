import { InclavareError } from "@inclavare/errors";

const MOST_WAITING = 64;

/** One at a time, in order: for what cannot do two things at once. */
export class Queue {
  readonly #what: string;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param what is named in errors. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * @param timeoutMs from now, the time in the queue included. What has begun goes on after it, and the next waits for it.
   * @throws InclavareError ERR_ATTESTER_BUSY, ERR_DEADLINE, and what the action throws
   */
  async run<T>(action: () => Promise<T>, timeoutMs: number): Promise<T> {
    if (this.#waiting >= MOST_WAITING) {
      throw new InclavareError("ERR_ATTESTER_BUSY", `${MOST_WAITING} requests wait for ${this.#what} already`);
    }
    this.#waiting += 1;
    let isLate = false;
    const before = this.#last;
    const done = (async () => {
      await before.catch(() => undefined);
      try {
        if (isLate) throw new InclavareError("ERR_CANCELLED", "nobody waits any more");
        return await action();
      } finally {
        this.#waiting -= 1;
      }
    })();
    this.#last = done.catch(() => undefined);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      isLate = true;
      reject(new InclavareError("ERR_DEADLINE", `${this.#what} did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return await Promise.race([done, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
