/** Selection of a TCB level. @see Intel PCS API v4, TCB Info: the order of tcbLevels and how they are compared */
import { CheckFailure } from "../check.ts";
import type { EnclaveLevel } from "./document.ts";
import type { PlatformLevel, TcbInfo } from "./tcb-info.ts";

/** What the PCK certificate says of its platform: sixteen component SVNs and the PCE's. */
export interface PlatformTcb {
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** TDX only: the SVNs of TEE_TCB_SVN from the first one that levels judge; `undefined` for the others. */
  readonly tdxComponents?: readonly (number | undefined)[];
}

/**
 * The first level, newest first, that the platform reaches in all components and in PCESVN. One lower component is no
 * match, however high the others are.
 * @throws CheckFailure ERR_TCB_NOT_SUPPORTED where the platform is below all levels
 */
export function selectPlatformLevel(platform: PlatformTcb, { levels }: TcbInfo): PlatformLevel {
  const found = levels.find((level) => shortfall(platform, level) === undefined);
  if (found !== undefined) return found;
  const oldest = levels.at(-1);
  throw new CheckFailure("ERR_TCB_NOT_SUPPORTED", "the platform is below every TCB level of TCB Info", {
    expected: "a platform at or above the oldest level",
    actual: oldest === undefined ? "TCB Info has no levels" : (shortfall(platform, oldest) ?? "unknown"),
  });
}

/** What keeps a platform from a level, in words; `undefined` where it reaches the level. */
export function shortfall(
  { components, pceSvn, tdxComponents }: PlatformTcb,
  level: PlatformLevel,
): string | undefined {
  for (const [index, needed] of level.components.entries()) {
    const actual = components[index] ?? -1;
    if (actual < needed) return `SGX TCB component ${index + 1} is ${actual}, ${needed} is needed`;
  }
  if (pceSvn < level.pceSvn) return `PCESVN is ${pceSvn}, ${level.pceSvn} is needed`;
  for (const [index, actual] of tdxComponents?.entries() ?? []) {
    const needed = level.tdxComponents?.[index];
    if (needed === undefined) return "the level says nothing of TDX";
    if (actual !== undefined && actual < needed) {
      return `TDX TCB component ${index + 1} is ${actual}, ${needed} is needed`;
    }
  }
  return undefined;
}

/**
 * The first level, newest first, whose ISVSVN the enclave or module reaches.
 * @param what names it in errors.
 * @throws CheckFailure ERR_TCB_NOT_SUPPORTED
 */
export function selectEnclaveLevel(isvSvn: number, levels: readonly EnclaveLevel[], what: string): EnclaveLevel {
  const found = levels.find((level) => isvSvn >= level.isvSvn);
  if (found !== undefined) return found;
  throw new CheckFailure("ERR_TCB_NOT_SUPPORTED", `${what} is below every TCB level of its identity`, {
    expected: `ISVSVN ${levels.at(-1)?.isvSvn ?? "of a level"} or above`,
    actual: `ISVSVN ${isvSvn}`,
  });
}
