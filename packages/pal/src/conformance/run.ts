import { formatOneLine } from "@inclavare/errors";
import type { EnclaveRuntime } from "../enclave-runtime.ts";
import { CallLog, type CallObserver } from "./call-log.ts";
import type { Check, CheckResult } from "./check.ts";
import { findCheck, resultOf, runChecks } from "./checks.ts";
import { expect, Finding, NotApplicable } from "./finding.ts";
import { DEFAULT_PROFILE, type Profile } from "./profile.ts";
import { Trial } from "./trial.ts";

/** What is checked. */
export interface Subject {
  /** Makes a runtime whose enclave is not created yet. */
  readonly create: () => EnclaveRuntime;
  /** Where the runtime is a PAL library: some checks then go around the binding. */
  readonly libraryPath?: string;
  /** Which programs the runtime has. Left out: those of the skeleton. */
  readonly profile?: Profile;
}

/** How long a runtime may take to be destroyed after the checks. */
const CLEANUP_MS = 1000;

/**
 * Checks an enclave runtime against the specification (docs/pal.md), in this process: for runtimes in TypeScript. A
 * library, which can take the process with it, is checked by `inclavare pal check`.
 *
 * @returns a result for each check, in a fixed order
 */
export async function runConformance(subject: Subject): Promise<readonly CheckResult[]> {
  return await runChecks(async (names) => await runBatch(names, subject));
}

/**
 * Does checks in one enclave, one after the other, up to the first that fails. Calls that hang are left alone.
 * @param names of checks; any other name is an error of the caller's
 */
export async function runBatch(
  names: readonly string[],
  { create, libraryPath, profile = DEFAULT_PROFILE }: Subject,
  observer?: CallObserver,
): Promise<readonly CheckResult[]> {
  const calls = new CallLog(observer);
  using trial = new Trial({ create, profile, libraryPath, calls });
  const results: CheckResult[] = [];
  for (const name of names) {
    const result = await runCheck(findCheck(name), trial, calls);
    results.push(result);
    observer?.result(result);
    if (result.result === "failed") break;
  }
  await withDeadline(trial.discard(), CLEANUP_MS, calls).catch(() => {
    // What it takes to end an enclave is the matter of a check of its own.
  });
  return results;
}

async function runCheck(check: Check, trial: Trial, calls: CallLog): Promise<CheckResult> {
  try {
    await withDeadline(perform(check, trial), trial.profile.deadlineMs, calls);
    const oddities = calls.takeOddities();
    expect(oddities.length === 0, oddities.join("; "));
    return resultOf(check, "ok");
  } catch (error) {
    if (error instanceof NotApplicable) return resultOf(check, "skipped", error.message);
    const message = error instanceof Finding ? error.message : formatOneLine(error);
    return resultOf(check, "failed", [message, ...calls.takeOddities()].join("; "));
  }
}

async function perform(check: Check, trial: Trial): Promise<void> {
  const { since = 1, programs = [], forLibraries } = check;
  const { apiVersion } = trial.runtime;
  if (apiVersion < since) throw new NotApplicable(`version ${apiVersion} of the API does not have it`);
  if (forLibraries === true && trial.libraryPath === undefined) throw new NotApplicable("for libraries only");
  const missing = programs.find((program) => trial.profile.programs[program] === undefined);
  if (missing !== undefined) throw new NotApplicable(`the profile names no program "${missing}"`);
  if (check.beforeInit !== true) await trial.init();
  await check.run(trial);
}

async function withDeadline(running: Promise<void>, deadlineMs: number, calls: CallLog): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const what = calls.pending === undefined ? "the check has not ended" : `${calls.pending} has not returned`;
    reject(new Finding(`${what} after ${deadlineMs} ms`));
  }, deadlineMs);
  try {
    await Promise.race([running, promise]);
  } finally {
    clearTimeout(timer);
  }
}
