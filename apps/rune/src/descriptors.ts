import { readlinkSync } from "node:fs";
import { usage } from "./commands/command.ts";
import { lastValue, type ParsedFlags } from "./parse.ts";

const FIRST = 3;
const MOST = 1024;
/** What Node opens before anything else, at the first number that is free. */
const EVENT_LOOP = "anon_inode:[eventpoll]";

/** How many descriptors from 3 on the caller has passed, up to the first gap; Node's own lie behind them. */
export function countInherited(): number {
  for (let descriptor = FIRST; ; descriptor++) {
    const target = targetOf(descriptor);
    if (target === undefined || target === EVENT_LOOP) return descriptor - FIRST;
  }
}

/** The value of `--preserve-fds`. @throws ERR_USAGE, in runc's words when so many are not there */
export function preservedDescriptors(flags: ParsedFlags): number {
  const value = lastValue(flags, "preserve-fds") ?? "0";
  const count = Number(value);
  if (!Number.isInteger(count) || count < 0 || count > MOST)
    throw usage(`invalid value "${value}" for flag -preserve-fds: expected a number from 0 to ${MOST}`);
  const inherited = countInherited();
  if (inherited >= count) return count;
  const missing = `/proc/self/fd/${FIRST + inherited}`;
  throw usage(`unable to stat preserved-fd ${inherited} (of ${count}): stat ${missing}: no such file or directory`);
}

function targetOf(descriptor: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}
