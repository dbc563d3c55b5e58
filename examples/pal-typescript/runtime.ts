/** An enclave runtime in TypeScript: the smallest that the conformance kit finds nothing wrong with. */
import { constants } from "node:os";
import { InclavareError } from "@inclavare/errors";
import type { EnclaveRuntime, PalApiVersion, ProcessRequest } from "@inclavare/pal";
import { type Program, PROGRAMS } from "./programs.ts";

const { EEXIST, EINVAL, ENOENT, ESRCH } = constants.errno;
const LAST_SIGNAL = 64;

interface Process {
  readonly program: Program;
  readonly request: ProcessRequest;
  readonly ending: AbortController;
  isRunning: boolean;
}

/** One object is one enclave. Its processes are promises; nothing protects them, as nothing protects any other promise. */
export class ExampleRuntime implements EnclaveRuntime {
  readonly name = "example";
  readonly apiVersion: PalApiVersion = 2;
  #isCreated = false;
  #lastPid = 0;
  readonly #processes = new Map<number, Process>();

  async init(): Promise<void> {
    if (this.#isCreated) throw failure("init", EEXIST, "there is an enclave already");
    this.#isCreated = true;
  }

  async createProcess(request: ProcessRequest): Promise<number> {
    const program = PROGRAMS.get(request.path);
    if (!this.#isCreated) throw failure("createProcess", EINVAL, "there is no enclave");
    if (program === undefined) throw failure("createProcess", ENOENT, `there is no program ${request.path}`);
    this.#lastPid += 1;
    this.#processes.set(this.#lastPid, { program, request, ending: new AbortController(), isRunning: false });
    return this.#lastPid;
  }

  async exec(pid: number): Promise<number> {
    const process = this.#find("exec", pid);
    if (process.isRunning) throw failure("exec", EINVAL, `process ${pid} runs already`);
    process.isRunning = true;
    const { request, ending } = process;
    const killed = Promise.withResolvers<number>();
    ending.signal.addEventListener("abort", () => killed.resolve(128 + Number(ending.signal.reason)), { once: true });
    if (ending.signal.aborted) killed.resolve(128 + Number(ending.signal.reason));
    try {
      const { env, stdio } = request;
      const invocation = { args: request.argv.slice(1), env, stdio, signal: ending.signal };
      // The signal first: it counts even where the program ends because of it.
      return await Promise.race([killed.promise, process.program(invocation)]);
    } finally {
      this.#processes.delete(pid);
    }
  }

  async kill(pid: number, signal: number): Promise<void> {
    if (signal < 1 || signal > LAST_SIGNAL) throw failure("kill", EINVAL, `there is no signal ${signal}`);
    const targets = pid === -1 ? [...this.#processes.values()] : [this.#find("kill", pid)];
    for (const { ending } of targets) ending.abort(signal);
  }

  async destroy(): Promise<void> {
    for (const { ending } of this.#processes.values()) ending.abort(constants.signals.SIGKILL);
    this.#processes.clear();
    this.#isCreated = false;
  }

  #find(call: string, pid: number): Process {
    const process = this.#processes.get(pid);
    if (process === undefined) throw failure(call, ESRCH, `there is no process ${pid}`);
    return process;
  }
}

/** As libraries fail: with a negative errno value, and with words. */
function failure(call: string, errno: number, reason: string): InclavareError {
  return new InclavareError("ERR_PAL_CALL", `${call} of the example failed: ${reason}`, {
    details: { call, value: -errno },
  });
}
