import { Errno } from "../errno.ts";
import type { Host, HostFunction } from "./host.ts";

/** Linux (x86-64, arm64) signal numbers at the position of WASI's. @see WASI preview1 `typenames.witx`, `signal` */
const LINUX_SIGNALS = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
];
/** CHLD, CONT, URG, WINCH: their default action is none. */
const HARMLESS = new Set([17, 18, 23, 28]);
/** STOP, TSTP, TTIN, TTOU: a guest cannot be stopped. */
const STOPPING = new Set([19, 20, 21, 22]);

export function proc({ exit, waiter }: Host): Record<string, HostFunction> {
  return {
    proc_exit(code: number) {
      exit({ code: code & 255 });
    },
    /** Handlers live in the guest's libc; what arrives here wants the default action. */
    proc_raise(signal: number) {
      const number = LINUX_SIGNALS[signal];
      if (number === undefined) throw new Errno("INVAL");
      if (STOPPING.has(number)) throw new Errno("NOTSUP");
      if (number !== 0 && !HARMLESS.has(number)) exit({ signal: number });
    },
    sched_yield() {
      waiter.check();
    },
  };
}
