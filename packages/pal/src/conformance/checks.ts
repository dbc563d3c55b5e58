import type { Check, CheckResult } from "./check.ts";
import { inputChecks } from "./checks/inputs.ts";
import { libraryAbiChecks } from "./checks/library-abi.ts";
import { endChecks, startChecks } from "./checks/life-cycle.ts";
import { localReportChecks } from "./checks/local-report.ts";
import { processChecks } from "./checks/processes.ts";
import { signalChecks } from "./checks/signals.ts";

/** All checks, in their order: one that another requires comes before it. */
const CHECKS: readonly Check[] = [
  ...startChecks,
  ...libraryAbiChecks,
  ...inputChecks,
  ...processChecks,
  ...signalChecks,
  ...localReportChecks,
  ...endChecks,
];

/**
 * Goes through all checks and leaves out those that tell nothing because one that they require failed.
 *
 * @param perform does checks by their names, in one enclave, up to the first that fails, and gives a result for each
 * that it did: at least one.
 */
export async function runChecks(
  perform: (names: readonly string[]) => Promise<readonly CheckResult[]>,
): Promise<readonly CheckResult[]> {
  const lost = new Set<string>();
  const isBlocked = ({ requires }: Check): boolean => requires !== undefined && lost.has(requires);
  const results: CheckResult[] = [];
  for (let check = CHECKS[0]; check !== undefined; check = CHECKS[results.length]) {
    if (isBlocked(check)) {
      lost.add(check.name);
      results.push(resultOf(check, "skipped", `tells nothing, because ${check.requires ?? ""} was not passed`));
      continue;
    }
    const rest = CHECKS.slice(results.length);
    const end = rest.findIndex((each) => each.needsOwnEnclave === true || isBlocked(each));
    const batch = check.needsOwnEnclave === true ? [check] : rest.slice(0, end === -1 ? rest.length : end);
    const done = await perform(batch.map(({ name }) => name));
    if (done.length === 0) throw new TypeError(`no result for check ${check.name}`);
    for (const { name, result } of done) if (result === "failed") lost.add(name);
    results.push(...done);
  }
  return results;
}

/** @throws TypeError for a name that no check has */
export function findCheck(name: string): Check {
  const check = CHECKS.find((each) => each.name === name);
  if (check === undefined) throw new TypeError(`there is no check ${name}`);
  return check;
}

/** A check that failed for a reason that only its caller can know, such as that the library took its process with it. */
export function failedCheck(name: string, message: string): CheckResult {
  return resultOf(findCheck(name), "failed", message);
}

export function resultOf({ name, specification }: Check, result: CheckResult["result"], message?: string): CheckResult {
  return { name, result, ...(message === undefined ? {} : { message }), specification };
}
