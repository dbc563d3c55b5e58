import { pollDescriptors } from "@inclavare/linux";
import type { Waiter } from "../wasi/host.ts";

/** The longest that one poll(2) can be told to wait. */
const MAX_POLL_MS = 2 ** 31 - 1;

/** Thrown through the host function that was waiting when the process was killed. */
export class Killed extends Error {
  readonly signal: number;

  constructor(signal: number) {
    super("killed");
    this.signal = signal;
  }
}

export interface WaiterOptions {
  /** Becomes readable at a kill, and stays so. */
  readonly killEventfd: number;
  /** One 32-bit integer: the signal of the kill, 0 before. */
  readonly control: SharedArrayBuffer;
}

/**
 * Waiting in a guest's worker: each wait also waits for the kill, so the worker never hangs in a call. Every method
 * throws {@link Killed} once the process is killed.
 */
export function createWaiter({ killEventfd, control }: WaiterOptions): Waiter {
  const flag = new Int32Array(control);
  function check(): void {
    const signal = Atomics.load(flag, 0);
    if (signal !== 0) throw new Killed(signal);
  }
  return {
    check,
    sleep(milliseconds) {
      check();
      if (milliseconds > 0) Atomics.wait(flag, 0, 0, milliseconds);
      check();
    },
    wait(interests, timeoutMs) {
      check();
      const requests = interests.map(({ fd, want }) =>
        want === "read" ? { fd, readable: true } : { fd, writable: true },
      );
      // Rounded up: waking before a clock is due would make the guest spin.
      const limit = timeoutMs === undefined ? -1 : Math.min(Math.ceil(timeoutMs), MAX_POLL_MS);
      const results = pollDescriptors([...requests, { fd: killEventfd, readable: true }], limit);
      check();
      return interests.map(({ want }, index) => {
        const result = results[index];
        const ready = (want === "read" ? result?.readable : result?.writable) ?? false;
        return { ready, hangup: result?.hangup ?? false };
      });
    },
  };
}
