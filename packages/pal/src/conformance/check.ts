import type { PalApiVersion } from "../enclave-runtime.ts";
import type { Programs } from "./profile.ts";
import type { Trial } from "./trial.ts";

/** What a check came to. */
export interface CheckResult {
  readonly name: string;
  readonly result: "ok" | "failed" | "skipped";
  /** What is wrong, or why it was skipped. */
  readonly message?: string;
  /** What the specification says; docs/pal.md tells more. */
  readonly specification: string;
}

/** One thing that the specification demands. */
export interface Check {
  readonly name: string;
  readonly specification: string;
  /** The check that has to be passed for this one to tell anything. */
  readonly requires?: string;
  /** The first version of the API that has it. Left out: 1. */
  readonly since?: PalApiVersion;
  /** The programs that it needs of the profile. */
  readonly programs?: readonly (keyof Programs)[];
  /** Only for libraries: it goes around the binding. */
  readonly forLibraries?: true;
  /** It needs an enclave of its own, because it leaves none that is of use. Left out: the enclave is shared. */
  readonly needsOwnEnclave?: true;
  /** The enclave need not be there. */
  readonly beforeInit?: true;
  /** @throws Finding, or what the runtime rejects with */
  run(trial: Trial): Promise<void>;
}
