interface Entry {
  readonly kind: string;
  readonly inputs: readonly string[];
  readonly value: unknown;
}

/**
 * Keeps what was parsed and verified from exact bytes, so that the collateral of a fleet is not verified anew for every
 * quote. Nothing in it depends on the time: whoever uses an entry checks its period each time. Failures are not kept.
 */
export class VerificationCache {
  /** By kind and first input; texts of many kilobytes are compared where they are, never joined or copied. */
  readonly #kinds = new Map<string, Map<string, readonly Entry[]>>();
  /** Least recently used first. */
  readonly #entries = new Set<Entry>();
  readonly #limit: number;

  /** @param limit how many entries are kept, the least recently used going first; one verification makes about fifteen. */
  constructor(limit: number = 512) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * @param kind which computation this is; with `inputs` it determines the result completely.
   * @param inputs the first one tells most entries of a kind apart.
   * @param make runs where there is no entry.
   */
  remember<T>(kind: string, inputs: readonly string[], make: () => T): T {
    const found = this.#find(kind, inputs);
    if (found !== undefined) {
      this.#entries.delete(found);
      this.#entries.add(found);
      return found.value as T;
    }
    const value = make();
    this.#add({ kind, inputs, value });
    const [oldest] = this.#entries.size > this.#limit ? this.#entries : [];
    if (oldest !== undefined) this.#remove(oldest);
    return value;
  }

  #find(kind: string, inputs: readonly string[]): Entry | undefined {
    const bucket = this.#kinds.get(kind)?.get(inputs[0] ?? "");
    return bucket?.find((entry) => isSame(entry.inputs, inputs));
  }

  #add(entry: Entry): void {
    const first = entry.inputs[0] ?? "";
    let buckets = this.#kinds.get(entry.kind);
    if (buckets === undefined) {
      buckets = new Map();
      this.#kinds.set(entry.kind, buckets);
    }
    const bucket = buckets.get(first);
    buckets.set(first, bucket === undefined ? [entry] : [...bucket, entry]);
    this.#entries.add(entry);
  }

  #remove(entry: Entry): void {
    const first = entry.inputs[0] ?? "";
    const buckets = this.#kinds.get(entry.kind);
    const rest = buckets?.get(first)?.filter((other) => other !== entry) ?? [];
    if (rest.length > 0) buckets?.set(first, rest);
    else buckets?.delete(first);
    this.#entries.delete(entry);
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
