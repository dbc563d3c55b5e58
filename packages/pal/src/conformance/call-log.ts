import { isInclavareError } from "@inclavare/errors";
import type { EnclaveRuntime } from "../enclave-runtime.ts";
import type { CheckResult } from "./check.ts";

/** Is told what happens while checks are done. */
export interface CallObserver {
  /** A call of the runtime under check begins or ends. */
  call(name: string, event: "begins" | "ends"): void;
  result(result: CheckResult): void;
}

/** Watches the calls of a runtime, to tell which of them hang and which return what they must not. */
export class CallLog {
  readonly #observer: CallObserver | undefined;
  readonly #pending = new Map<string, number>();
  readonly #oddities = new Set<string>();

  constructor(observer: CallObserver | undefined) {
    this.#observer = observer;
  }

  /** The calls that have not returned: `exec (2 times), kill`; undefined where all have. */
  get pending(): string | undefined {
    const names = [...this.#pending].map(([call, times]) => (times === 1 ? call : `${call} (${times} times)`));
    return names.length === 0 ? undefined : names.join(", ");
  }

  /** What calls did that no check asked about, in words, since the last time. */
  takeOddities(): readonly string[] {
    const oddities = [...this.#oddities];
    this.#oddities.clear();
    return oddities;
  }

  /** The same runtime, its calls watched. */
  watch(runtime: EnclaveRuntime): EnclaveRuntime {
    const report = runtime.getLocalReport?.bind(runtime);
    const assert = runtime.assertProcess?.bind(runtime);
    return {
      name: runtime.name,
      apiVersion: runtime.apiVersion,
      init: async (attributes) => await this.track("init", async () => await runtime.init(attributes)),
      createProcess: async (request) =>
        await this.track("create process", async () => await runtime.createProcess(request)),
      exec: async (pid) => await this.track("exec", async () => await runtime.exec(pid)),
      kill: async (pid, signal) => await this.track("kill", async () => await runtime.kill(pid, signal)),
      destroy: async () => await this.track("destroy", async () => await runtime.destroy()),
      ...(assert === undefined
        ? {}
        : { assertProcess: async (request) => await this.track("assert process", async () => await assert(request)) }),
      ...(report === undefined
        ? {}
        : {
            getLocalReport: async (target: Uint8Array) =>
              await this.track("get local report", async () => await report(target)),
          }),
    };
  }

  /** Watches one call, which may go around the runtime. It is told before the call begins: it may be the last word. */
  async track<T>(call: string, run: () => Promise<T>): Promise<T> {
    this.#observer?.call(call, "begins");
    this.#pending.set(call, (this.#pending.get(call) ?? 0) + 1);
    try {
      return await run();
    } catch (error) {
      this.#examine(call, error);
      throw error;
    } finally {
      const times = (this.#pending.get(call) ?? 1) - 1;
      if (times === 0) this.#pending.delete(call);
      else this.#pending.set(call, times);
      this.#observer?.call(call, "ends");
    }
  }

  #examine(call: string, error: unknown): void {
    if (!isInclavareError(error)) {
      this.#oddities.add(`${call} rejected with ${String(error)}, expected an InclavareError with a code`);
      return;
    }
    const { value } = error.details;
    if (typeof value !== "number" || value <= 0) return;
    this.#oddities.add(`${call} returned ${value}, expected 0 for success or a negative errno value for failure`);
  }
}
