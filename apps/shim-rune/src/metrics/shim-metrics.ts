import { Counter, type Family, Gauge, Histogram } from "./exposition.ts";

/** Seconds. runc takes some 20 to 100 ms, an enclave a good second, and containerd gives up after some seconds. */
const LATENCY_BOUNDS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What is asked of the shim when somebody looks. */
export interface ShimFacts {
  readonly version: string;
  readonly revision: string;
  readonly namespace: string;
  /** Of the group: the container for which the shim was started. */
  readonly id: string;
  readonly containers: () => number;
  readonly processes: () => number;
}

/** The metrics of a shim. Process metrics that have names of their own in Prometheus's world keep these. */
export class ShimMetrics {
  readonly #latency = new Histogram(
    "inclavare_shim_call_duration_seconds",
    "Time from the request of a Task call to its answer, Wait left out.",
    "method",
    LATENCY_BOUNDS,
  );
  readonly #failures = new Counter(
    "inclavare_shim_call_failures_total",
    "Task calls that were answered with an error, by method.",
    "method",
  );
  readonly #exits = new Counter(
    "inclavare_shim_exits_total",
    "Processes that ended, by exit code class: zero, nonzero, signal.",
    "result",
  );
  readonly #families: readonly Family[];

  constructor({ version, revision, namespace, id, containers, processes }: ShimFacts) {
    this.#families = [
      new Gauge("inclavare_shim_build_info", "Always 1; the labels tell what runs.", () => 1, { version, revision }),
      new Gauge("inclavare_shim_info", "Always 1; the labels tell for whom it runs.", () => 1, { namespace, id }),
      new Gauge("inclavare_shim_containers", "Containers from Create to Delete.", containers),
      new Gauge("inclavare_shim_processes", "Processes that the shim waits for, those of exec included.", processes),
      new Gauge("process_resident_memory_bytes", "Resident memory of the shim.", () => process.memoryUsage.rss()),
      new Gauge("process_start_time_seconds", "When the shim's process began, since 1970.", startTime),
      this.#exits,
      this.#failures,
      this.#latency,
    ];
  }

  readonly called = (method: string, seconds: number, isOk: boolean): void => {
    this.#latency.observe(method, seconds);
    if (!isOk) this.#failures.add(method);
  };

  /** @param status as waitpid's callers know it: 128 + signal for a process that a signal ended */
  exited(status: number): void {
    this.#exits.add(status === 0 ? "zero" : status > 128 ? "signal" : "nonzero");
  }

  render(): string {
    return this.#families.map((family) => family.render()).join("");
  }
}

function startTime(): number {
  return Math.round(performance.timeOrigin) / 1000;
}
