/**
 * Keeps what was parsed and verified from exact bytes, so that the collateral of a fleet is not verified anew for every
 * quote. Nothing in it depends on the time: whoever uses an entry checks its period each time. Failures are not kept.
 */
export class VerificationCache {
  readonly #entries = new Map<string, unknown>();
  readonly #limit: number;

  /** @param limit how many entries are kept, the least recently used going first; one verification makes about twenty. */
  constructor(limit: number = 512) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * @param kind which computation this is; with `inputs` it determines the result completely.
   * @param make runs where there is no entry.
   */
  remember<T>(kind: string, inputs: readonly string[], make: () => T): T {
    // The lengths keep two splits of the same text apart.
    const key = `${kind}:${inputs.map((input) => input.length).join(",")}:${inputs.join("")}`;
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
      return found as T;
    }
    const made = make();
    this.#entries.set(key, made);
    if (this.#entries.size > this.#limit) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return made;
  }
}
