import type { Config } from "@inclavare/container";

/** What a check found. `fix` says what to do about it. */
export interface Finding {
  readonly check: string;
  readonly result: "pass" | "warn" | "fail";
  readonly message: string;
  readonly fix?: string;
}

/** What the checks ask of the machine; a parameter, so that tests can have another one. */
export interface Machine {
  /** Such as `v24.21.0`. */
  readonly nodeVersion: string;
  readonly uid: number;
  readonly searchPath: string | undefined;
  exists(path: string): boolean;
  /** The standard output of a program that ends within the deadline. Throws when it cannot be started or fails. */
  run(program: string, args: readonly string[], timeoutMs: number): string;
  /** Connects and hangs up again. Throws when nobody answers. */
  connect(socketPath: string, timeoutMs: number): void;
}

export interface Subject {
  readonly machine: Machine;
  readonly config: Config;
}

export type Check = (subject: Subject) => Finding;

export function pass(check: string, message: string): Finding {
  return { check, result: "pass", message };
}

export function warn(check: string, message: string, fix: string): Finding {
  return { check, result: "warn", message, fix };
}

export function fail(check: string, message: string, fix: string): Finding {
  return { check, result: "fail", message, fix };
}
