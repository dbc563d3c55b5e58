/** What makes containers: runc for plain ones, and for enclave containers what rune does. */

/** The three descriptors of a process without a terminal. */
export type Stdio = readonly [number, number, number];

interface ProcessSetup {
  readonly id: string;
  readonly pidFile: string;
  /** Without a terminal. */
  readonly stdio: Stdio;
  /** With a terminal: where its master side is to be sent. */
  readonly consoleSocket: string | undefined;
}

export interface CreateSetup extends ProcessSetup {
  readonly bundle: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
}

export interface ExecSetup extends ProcessSetup {
  /** An OCI process as JSON. */
  readonly process: string;
  /** A file that may be written for it, and is gone afterwards. */
  readonly processFile: string;
}

export interface CheckpointSetup {
  readonly id: string;
  readonly imagePath: string;
  readonly workPath: string;
  readonly flags: readonly string[];
}

/** All calls end within a deadline, and fail with the low-level runtime's own words. */
export interface Runtime {
  create(setup: CreateSetup): Promise<void>;
  start(id: string): Promise<void>;
  exec(setup: ExecSetup): Promise<void>;
  kill(id: string, signal: number, all: boolean): Promise<void>;
  /** A container that is not there counts as deleted. */
  delete(id: string, force: boolean): Promise<void>;
  pids(id: string): Promise<readonly number[]>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** @param resources LinuxResources as JSON; @param file one that may be written for it, and is gone afterwards. */
  update(id: string, resources: Uint8Array, file: string): Promise<void>;
  checkpoint(setup: CheckpointSetup): Promise<void>;
}
