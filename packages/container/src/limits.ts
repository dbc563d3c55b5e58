import { InclavareError } from "@inclavare/errors";
import type { SpecInteger, SpecResources } from "@inclavare/oci";

/** init-runelet's threads (V8's platform, libuv's pool, a worker a process) and some air, with one process running. */
export const LEAST_PIDS = 24;
/** What init-runelet needs before the application needs anything; with less the kernel kills it without a word. */
export const LEAST_MEMORY_BYTES = 32 << 20;

/**
 * Refuses limits that init-runelet cannot live with. 0 and less means no limit, or leaves it as it is.
 * @throws ERR_PIDS_LIMIT, ERR_MEMORY_LIMIT
 */
export function assertLimits({ pids, memory }: Pick<SpecResources, "pids" | "memory">): void {
  assertPidsLimit(pids?.limit);
  assertMemoryLimit(memory?.limit);
}

function assertPidsLimit(asked: SpecInteger = 0): void {
  const limit = Number(asked);
  if (limit <= 0 || limit >= LEAST_PIDS) return;
  throw new InclavareError(
    "ERR_PIDS_LIMIT",
    `linux.resources.pids.limit is ${limit}; init-runelet and one process need at least ${LEAST_PIDS}`,
    { details: { limit, least: LEAST_PIDS } },
  );
}

function assertMemoryLimit(asked: SpecInteger = 0): void {
  const limit = Number(asked);
  if (limit <= 0 || limit >= LEAST_MEMORY_BYTES) return;
  throw new InclavareError(
    "ERR_MEMORY_LIMIT",
    `linux.resources.memory.limit is ${limit} bytes; init-runelet needs at least ${LEAST_MEMORY_BYTES}`,
    { details: { limit, least: LEAST_MEMORY_BYTES } },
  );
}

const UNITS = "bkmgtp";

/**
 * A size as runc's `--memory` takes it: bytes, or a number with a binary unit ("64m", "1.5 GiB").
 * @returns 0 for what is no size: runc says so in its own words
 */
export function parseSize(text: string): number {
  const [, number = "0", unit = "b"] = /^(\d+(?:\.\d*)?) ?([bkmgtp])?(?:(?<=[kmgtp])i?b)?$/iu.exec(text) ?? [];
  return Math.trunc(Number(number) * 1024 ** UNITS.indexOf(unit.toLowerCase()));
}
