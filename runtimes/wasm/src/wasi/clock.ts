import { Errno } from "../errno.ts";
import { CLOCK } from "./abi.ts";
import type { Clocks, Host, HostFunction } from "./host.ts";

/** What `performance.now` and the cpu times resolve to, in nanoseconds. */
const RESOLUTION_NS = 1000n;

/** The time of a clock of the guest, in nanoseconds. @throws Errno INVAL for a clock that there is not */
export function readClock(clocks: Clocks, id: number): bigint {
  switch (id) {
    case CLOCK.REALTIME:
      return clocks.realtime();
    case CLOCK.MONOTONIC:
      return clocks.monotonic();
    // A guest has one thread.
    case CLOCK.PROCESS_CPUTIME:
    case CLOCK.THREAD_CPUTIME:
      return clocks.cpu();
    default:
      throw new Errno("INVAL");
  }
}

export function clock({ memory, clocks }: Host): Record<string, HostFunction> {
  return {
    clock_res_get(id: number, result: number) {
      if (id < CLOCK.REALTIME || id > CLOCK.THREAD_CPUTIME) throw new Errno("INVAL");
      memory.writeU64(result, id === CLOCK.MONOTONIC ? 1n : RESOLUTION_NS);
    },
    clock_time_get(id: number, _precision: bigint, result: number) {
      memory.writeU64(result, readClock(clocks, id));
    },
  };
}
