/** The cache: each artefact for exactly as long as it counts, one question at a time for each, failures for moments only. */
import { createHash } from "node:crypto";
import { type ErrorCode, InclavareError, isInclavareError } from "@inclavare/errors";
import type { TrustAnchor } from "../trust-anchors.ts";
import { type Admitted, isCurrent } from "./admit.ts";
import { type ArtefactKind, type ArtefactRequest, describeRequest, keyOf } from "./artefact.ts";
import { choose } from "./choose.ts";
import { retryAfterMs } from "./http.ts";
import type { CollateralSource } from "./source.ts";
import type { CollateralStore } from "./store.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const MOST_IN_MEMORY = 512;
const NOT_FOUND_KEPT_MS = 60_000;
const FAILURE_KEPT_MS = 5_000;
const MOST_WAIT_KEPT_MS = 60_000;

/** For counters; names carry no secrets. */
export type CollateralEvent =
  | { readonly event: "hit"; readonly kind: ArtefactKind; readonly tier: "memory" | "disk" }
  | { readonly event: "miss"; readonly kind: ArtefactKind }
  | { readonly event: "fetch"; readonly kind: ArtefactKind; readonly source: string; readonly durationMs: number }
  | { readonly event: "failure"; readonly kind: ArtefactKind; readonly source: string; readonly code: ErrorCode };

export interface CollateralCacheOptions {
  /** Asked in this order; none: only what is kept already is given. */
  readonly sources: readonly CollateralSource[];
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: () => Date;
  /** Left out: in memory only. */
  readonly store?: CollateralStore;
  /** The store is read and left as it is: for a verification as of another time, which says nothing of what counts now. */
  readonly readOnly?: boolean;
  /** For one artefact, waits for busy services included. Left out: 30 seconds. */
  readonly timeoutMs?: number;
  readonly onEvent?: (event: CollateralEvent) => void;
}

interface Failure {
  readonly error: InclavareError;
  readonly until: number;
}

export class CollateralCache {
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: () => Date;
  readonly #options: CollateralCacheOptions;
  /** What is trusted decides what is admitted, so caches of different trust share no entry. */
  readonly #domain: string;
  readonly #memory = new Map<string, Admitted>();
  readonly #failures = new Map<string, Failure>();
  readonly #underway = new Map<string, Promise<Admitted>>();
  readonly #numbers = new Map<string, number>();

  constructor(options: CollateralCacheOptions) {
    this.#options = options;
    this.trustAnchors = options.trustAnchors;
    this.now = options.now;
    const keys = options.trustAnchors.map(({ spki }) => createHash("sha256").update(spki).digest("hex")).toSorted();
    this.#domain = createHash("sha256").update(keys.join()).digest("hex");
  }

  /**
   * @returns an artefact that is admitted; it counts at this time, unless no source has one that does.
   * @throws InclavareError ERR_COLLATERAL_MISSING where nobody has it, ERR_COLLATERAL_ROLLBACK where it is older than one
   *   seen before, ERR_COLLATERAL_REJECTED, and what the sources throw
   */
  async get(request: ArtefactRequest): Promise<Admitted> {
    const key = `${this.#domain} ${keyOf(request)}`;
    const kept = this.#lookUp(key, request);
    if (kept !== undefined) return kept;
    const running = this.#underway.get(key);
    if (running !== undefined) return await running;
    const failure = this.#failures.get(key);
    if (failure !== undefined && failure.until > this.now().getTime()) throw failure.error;
    this.#failures.delete(key);
    this.#tell({ event: "miss", kind: request.kind });
    const fetching = this.#fetch(key, request).finally(() => this.#underway.delete(key));
    this.#underway.set(key, fetching);
    return await fetching;
  }

  /**
   * Holds an artefact against the newest evaluation that was seen. One that the caller chose by its number is not held
   * against it. What did not come from a service says of no channel that it is its own, so it raises nothing: otherwise
   * early collateral of an attester's would make the standard one look old.
   * @throws InclavareError ERR_COLLATERAL_ROLLBACK
   */
  assertNotOlder(artefact: Admitted): void {
    this.#checkNumber(artefact);
  }

  /** @returns where the number is remembered; `undefined` for what has none, or is not held against it. */
  #checkNumber({ request, evaluationDataNumber: number, origin }: Admitted): string | undefined {
    if (number === undefined || !("channel" in request) || !("update" in request.channel)) return undefined;
    const key = `${this.#domain} ${keyOf(request)}`;
    const highest = Math.max(this.#numbers.get(key) ?? 0, this.#options.store?.highestNumber(key) ?? 0);
    if (number >= highest) return key;
    throw new InclavareError(
      "ERR_COLLATERAL_ROLLBACK",
      `${origin} gave ${describeRequest(request)} of evaluation ${number}, and ${highest} has been seen`,
      { details: { evaluationDataNumber: number, highest } },
    );
  }

  #rememberNumber(artefact: Admitted): void {
    const key = this.#checkNumber(artefact);
    const { evaluationDataNumber: number } = artefact;
    if (key === undefined || number === undefined) return;
    this.#numbers.set(key, number);
    if (this.#options.readOnly !== true) this.#options.store?.raiseNumber(key, number);
  }

  /** Takes artefacts that came another way, such as from an exported file. @throws as {@link assertNotOlder} */
  add(artefact: Admitted): void {
    this.#rememberNumber(artefact);
    this.#keep(`${this.#domain} ${keyOf(artefact.request)}`, artefact);
  }

  #lookUp(key: string, request: ArtefactRequest): Admitted | undefined {
    const remembered = this.#memory.get(key);
    if (remembered !== undefined) {
      this.#memory.delete(key);
      if (isCurrent(remembered, this.now())) {
        this.#memory.set(key, remembered);
        this.#tell({ event: "hit", kind: request.kind, tier: "memory" });
        return remembered;
      }
    }
    const { store } = this.#options;
    const stored = store?.load(key);
    if (stored === undefined) return undefined;
    const { best } = choose([{ ...stored, request }], this.#choice());
    if (best === undefined || !isCurrent(best, this.now())) {
      if (this.#options.readOnly !== true) store?.remove(key);
      return undefined;
    }
    this.#remember(key, best);
    this.#tell({ event: "hit", kind: request.kind, tier: "disk" });
    return best;
  }

  async #fetch(key: string, request: ArtefactRequest): Promise<Admitted> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const failures: InclavareError[] = [];
    let outdated: Admitted | undefined;
    for (const source of this.#options.sources) {
      const from = performance.now();
      try {
        const candidates = await source.fetch(request, { signal, lookUp: async (other) => await this.get(other) });
        const { best, failure } = choose(candidates, { ...this.#choice(), isRemote: source.isRemote });
        if (failure !== undefined) throw failure;
        if (best === undefined) continue;
        this.#rememberNumber(best);
        this.#tell({ event: "fetch", kind: request.kind, source: source.name, durationMs: performance.now() - from });
        if (isCurrent(best, this.now())) {
          this.#keep(key, best);
          return best;
        }
        outdated ??= best;
      } catch (thrown) {
        if (!isInclavareError(thrown)) throw thrown;
        failures.push(thrown);
        this.#tell({ event: "failure", kind: request.kind, source: source.name, code: thrown.code });
      }
    }
    if (outdated !== undefined) return outdated;
    const error = failures[0] ?? this.#nobodyHas(request);
    if (failures.length > 0) this.#rememberFailure(key, error);
    throw error;
  }

  #choice(): { readonly trustAnchors: readonly TrustAnchor[]; readonly now: () => Date } {
    return { trustAnchors: this.trustAnchors, now: this.now };
  }

  #nobodyHas(request: ArtefactRequest): InclavareError {
    const names = this.#options.sources.map(({ name }) => name).join(", ");
    const asked = names === "" ? "it is not in the cache, and no service may be asked" : `asked: ${names}`;
    return new InclavareError("ERR_COLLATERAL_MISSING", `nobody has ${describeRequest(request)}; ${asked}`);
  }

  #keep(key: string, artefact: Admitted): void {
    this.#remember(key, artefact);
    if (this.#options.readOnly !== true) this.#options.store?.save(key, artefact);
  }

  #remember(key: string, artefact: Admitted): void {
    this.#memory.set(key, artefact);
    trim(this.#memory);
  }

  #rememberFailure(key: string, error: InclavareError): void {
    const told = Math.min(retryAfterMs(error) ?? FAILURE_KEPT_MS, MOST_WAIT_KEPT_MS);
    const keptMs = error.code === "ERR_COLLATERAL_NOT_FOUND" ? NOT_FOUND_KEPT_MS : told;
    this.#failures.set(key, { error, until: this.now().getTime() + keptMs });
    trim(this.#failures);
  }

  #tell(event: CollateralEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** The least recently used goes first. */
function trim(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size <= MOST_IN_MEMORY) return;
    map.delete(oldest);
  }
}
