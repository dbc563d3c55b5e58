import { InclavareError, type JsonValue, toWireError, type WireError } from "@inclavare/errors";
import type { Verdict } from "@inclavare/attestation";
import { type FoundWorkload, scanWorkloads } from "./scan.ts";
import type { WorkloadSession, WorkloadSessions } from "./sessions.ts";

/** One row of `GET /v1/workloads`. What the workload says of itself is relayed; nothing here is for a verifier to rely on. */
export interface WorkloadRow {
  readonly name?: string;
  readonly container: string;
  readonly created?: string;
  readonly status: "attested" | "failed";
  readonly tee?: string;
  readonly tcb?: Verdict["tcb"];
  readonly measurement?: Verdict["measurement"];
  readonly waitingForSecrets?: JsonValue;
  readonly error?: WireError;
}

/** A workload that a caller named, with its session. */
export interface ResolvedWorkload {
  readonly found: FoundWorkload;
  readonly session: WorkloadSession;
}

/** The workloads of one node, as the state directory has them at the time of each question. */
export class Workloads {
  readonly #directory: string;
  readonly #sessions: WorkloadSessions;
  readonly #timeoutMs: number;

  constructor(directory: string, sessions: WorkloadSessions, timeoutMs: number) {
    this.#directory = directory;
    this.#sessions = sessions;
    this.#timeoutMs = timeoutMs;
  }

  async list(): Promise<WorkloadRow[]> {
    return await Promise.all((await this.#scan()).map((found) => this.#row(found)));
  }

  /**
   * Finds a workload by its name and, where several containers run it, by the container's id.
   * @throws InclavareError ERR_WORKLOAD_NOT_FOUND, ERR_WORKLOAD_AMBIGUOUS
   */
  async resolve(name: string, container: string | undefined): Promise<ResolvedWorkload> {
    // The hint only spares the wait for workloads that are surely others; the name that counts is in the session's proof.
    const found = (await this.#scan()).filter(
      (entry) =>
        (container === undefined || entry.container === container) &&
        (entry.workload === undefined || entry.workload === name),
    );
    const tried = await Promise.allSettled(found.map((entry) => this.#sessions.get(entry)));
    const matches = tried.flatMap((outcome, index): ResolvedWorkload[] => {
      const entry = found[index];
      if (outcome.status === "rejected" || entry === undefined || outcome.value.name !== name) return [];
      return [{ found: entry, session: outcome.value }];
    });
    const [match, second] = matches;
    if (match === undefined) throw notFound(name, tried);
    if (second === undefined) return match;
    const containers = matches.map((each) => each.found.container);
    const message = `${matches.length} containers run workload "${name}"; name one of them`;
    throw new InclavareError("ERR_WORKLOAD_AMBIGUOUS", message, { details: { containers } });
  }

  /** The workload's own evidence over the caller's nonce, untouched. */
  async evidence({ found }: ResolvedWorkload, request: Uint8Array): Promise<Uint8Array> {
    const path = "/v1/evidence";
    const timeoutMs = this.#timeoutMs;
    return await this.#sessions.ask(found, async ({ http }) => {
      const answer = await http.request({ method: "POST", path, body: request, timeoutMs });
      return answer.body;
    });
  }

  async #scan(): Promise<FoundWorkload[]> {
    const found = await scanWorkloads(this.#directory);
    this.#sessions.keepOnly(found);
    return found;
  }

  async #row(found: FoundWorkload): Promise<WorkloadRow> {
    const { container, created } = found;
    const known = { container, ...(created === undefined ? {} : { created }) };
    try {
      return await this.#sessions.ask(found, async ({ name, verdict, http }) => {
        const request = { method: "GET", path: "/v1/identity", timeoutMs: this.#timeoutMs } as const;
        const { waitingForSecrets = [] } = (await http.requestJson(request)) as Record<string, JsonValue>;
        const { tee, tcb, measurement } = verdict;
        return { name, ...known, status: "attested", tee, tcb, measurement, waitingForSecrets };
      });
    } catch (error) {
      return { ...known, status: "failed", error: toWireError(error) };
    }
  }
}

/** A workload whose session failed has no name yet; it may be the one that was asked for, so the answer says so. */
function notFound(name: string, tried: readonly PromiseSettledResult<WorkloadSession>[]): InclavareError {
  const failed = tried.filter((outcome) => outcome.status === "rejected");
  const rest = failed.length === 0 ? "" : `; ${failed.length} others could not be attested`;
  const reasons = failed.map(({ reason }) => toWireError(reason).code);
  const message = `no workload "${name}" among ${tried.length - failed.length} attested ones${rest}`;
  return new InclavareError("ERR_WORKLOAD_NOT_FOUND", message, { details: { failed: [...new Set(reasons)] } });
}
