/** The version of the Enclave Runtime PAL API that a runtime speaks. */
export type PalApiVersion = 1 | 2 | 3;

/** What `init` is given: `pal_attr_t` of liberpal.h. */
export interface RuntimeAttributes {
  /** Arguments for the runtime itself, space-separated; empty where there are none. */
  readonly args: string;
  /** A level name of the OCI runtimes: trace, debug, info, warning, error, fatal, panic, off. */
  readonly logLevel: string;
}

/** The descriptors of the calling process that become a process's standard streams. They are lent, not given. */
export interface ProcessStdio {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

/** What a process in the enclave is made from: `pal_create_process_args` of liberpal.h. */
export interface ProcessRequest {
  /** The program, in the enclave's own file system. */
  readonly path: string;
  /** Beginning with `argv[0]`. */
  readonly argv: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  /** Must stay open until `exec` has settled. */
  readonly stdio: ProcessStdio;
  /** Absolute. Left out: the runtime's own. A PAL library is not told. */
  readonly cwd?: string;
}

/**
 * An enclave runtime: what `include/liberpal.h` is for C, for TypeScript. One object is one enclave. Calls come in the
 * order init, then createProcess and exec for each process, then destroy; `kill` and further processes may come while an
 * `exec` is pending.
 *
 * Every method rejects with an InclavareError that has a code.
 */
export interface EnclaveRuntime {
  /** For messages and logs. */
  readonly name: string;
  readonly apiVersion: PalApiVersion;
  /** Creates the enclave. */
  init(attributes: RuntimeAttributes): Promise<void>;
  /**
   * Rejects as `createProcess` would for what is known before there are descriptors: a program that is not there, for
   * one. Left out by a runtime that cannot tell, as no PAL library can.
   */
  assertProcess?(request: Omit<ProcessRequest, "stdio">): Promise<void>;
  /** Makes a process in the enclave, which does not run yet, and tells its number there. */
  createProcess(request: ProcessRequest): Promise<number>;
  /** Runs a process to its end. Resolves with its exit code, 0 to 255, or 128 + the signal that ended it. */
  exec(pid: number): Promise<number>;
  /** Sends a signal, by its Linux number, to one process or, with -1, to all of them. */
  kill(pid: number, signal: number): Promise<void>;
  /** Ends all processes and the enclave. */
  destroy(): Promise<void>;
  /** An EREPORT (432 bytes) for the enclave that a TARGETINFO (512 bytes) names; from API version 3 on. */
  getLocalReport?(targetInfo: Uint8Array): Promise<Uint8Array>;
}
