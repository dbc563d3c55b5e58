import type { RuntimeAttributes } from "../enclave-runtime.ts";

/** A program of the runtime under check, in the enclave's own file system. */
export interface Program {
  readonly path: string;
  /** Beginning with `argv[0]`. */
  readonly argv: readonly string[];
}

/** A program that shows what it was given: `shows`, with `{}` standing for it, is what it writes for each. */
export interface ShowingProgram extends Program {
  readonly shows: string;
}

/** A program that runs until a signal ends it. */
export interface BlockingProgram extends Program {
  /** What it writes to its standard output as soon as it runs. Left out: 300 ms are waited for instead. */
  readonly ready?: string;
}

/** What the checks use. Programs that a runtime has no counterpart of are left out: what needs them is then skipped. */
export interface Programs {
  /** Exits with the number that stands in its arguments for `{}`. */
  readonly exits: Program;
  /** Writes each of its further arguments, as `shows` says, to its standard output. */
  readonly arguments?: ShowingProgram;
  /** Writes each of its variables, `NAME=value`, as `shows` says, to its standard output. */
  readonly environment?: ShowingProgram;
  /** Copies its standard input to its standard output and exits with 0. */
  readonly copies?: Program;
  /** Writes `shows` to its standard error and nothing to its standard output. */
  readonly complains?: ShowingProgram;
  /** Runs until `signal` ends it; may read its standard input, which stays open and empty. */
  readonly blocks?: BlockingProgram;
  /** Needs some MiB of the stack on which the runtime's exec is called, and exits with 0. */
  readonly deep?: Program;
}

/** How a runtime is to be used by the checks: every runtime has its own programs. */
export interface Profile {
  readonly init: RuntimeAttributes;
  readonly programs: Programs;
  /** No program is there. */
  readonly missingPath: string;
  /** The Linux number of a signal that ends `blocks`. */
  readonly signal: number;
  /** For each check, init included. */
  readonly deadlineMs: number;
}

/** Fits the skeleton runtime. */
export const DEFAULT_PROFILE: Profile = {
  init: { args: "", logLevel: "info" },
  programs: {
    exits: { path: "/bin/exit", argv: ["exit", "{}"] },
    arguments: { path: "/bin/arguments", argv: ["arguments"], shows: "<{}>\n" },
    environment: { path: "/bin/environment", argv: ["environment"], shows: "{}\n" },
    copies: { path: "/bin/cat", argv: ["cat"] },
    complains: { path: "/bin/complain", argv: ["complain", "complaint"], shows: "complaint" },
    blocks: { path: "/bin/wait", argv: ["wait"], ready: "waiting\n" },
    deep: { path: "/bin/deep", argv: ["deep"] },
  },
  missingPath: "/bin/no-such-program",
  signal: 15,
  deadlineMs: 10_000,
};
