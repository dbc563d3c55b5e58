import { closeSync } from "node:fs";
import { check, EINTR, lastErrno, libcFunction, linuxError, loadNative } from "./native.ts";

const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_SEND_SIGNAL = 424;
const P_ALL = 0;
const P_PID = 1;
const P_PIDFD = 3;
const WNOHANG = 1;
const WEXITED = 4;
const CLD_EXITED = 1;
const PR_SET_PDEATHSIG = 1;
const PR_SET_CHILD_SUBREAPER = 36;
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_SCHED_CORE = 62;
const PR_SCHED_CORE_CREATE = 1;
const PR_SCHED_CORE_SCOPE_PROCESS_GROUP = 2;
const ECHILD = 10;
const ESRCH = 3;
/** siginfo_t: si_signo, si_errno, si_code at 0, 4, 8; si_pid, si_uid, si_status at 16, 20, 24 (64-bit Linux). */
const SIGINFO_BYTES = 128;

/** How a process ended: `code` where it exited, `signal` where one ended it. */
export interface ProcessExit {
  readonly pid: number;
  readonly code: number | undefined;
  readonly signal: number | undefined;
}

/** A descriptor that stands for the process and for no later one with its number. Close-on-exec. */
export function pidfdOpen(pid: number): number {
  return check("pidfd_open", syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0), `of process ${pid}`);
}

export function pidfdSendSignal(pidfd: number, signal: number): void {
  check("pidfd_send_signal", syscall(SYS_PIDFD_SEND_SIGNAL, pidfd, signal, 0, 0, 0), `${signal}`);
}

/** Takes the exit status of a child. @returns undefined while it runs, or when it is not a child of ours. */
export function waitPidfd(pidfd: number): ProcessExit | undefined {
  return waitId(P_PIDFD, pidfd);
}

/** As {@link waitPidfd}, for a child by its number, which is safe: until it is waited for nobody else can have it. */
export function waitChild(pid: number): ProcessExit | undefined {
  return waitId(P_PID, pid);
}

/**
 * Calls back once when a process has ended, whoever's child it is; its status is for its parent to take.
 * Disposing before that cancels it.
 */
export function onProcessEnd(pid: number, callback: () => void): Disposable {
  const pidfd = pidfdOpen(pid);
  let open = true;
  const handle = loadNative().node.poll(pidfd, { readable: true }, () => {
    close();
    callback();
  });
  function close(): void {
    if (!open) return;
    open = false;
    handle.close();
    closeSync(pidfd);
  }
  return { [Symbol.dispose]: close };
}

/** Takes the exit statuses of all children that have ended; for a pid 1 that starts none of its own. */
export function reapExitedChildren(): ProcessExit[] {
  const exits: ProcessExit[] = [];
  for (let exit = waitId(P_ALL, 0); exit !== undefined; exit = waitId(P_ALL, 0)) exits.push(exit);
  return exits;
}

function waitId(type: number, id: number): ProcessExit | undefined {
  const waitid = libcFunction("int waitid(int type, uint id, void *info, int options)");
  const info = Buffer.alloc(SIGINFO_BYTES);
  for (;;) {
    if (waitid(type, id, info, WEXITED | WNOHANG) === 0) break;
    const errno = lastErrno();
    if (errno === ECHILD) return undefined;
    if (errno !== EINTR) throw linuxError("waitid", errno);
  }
  const pid = info.readInt32LE(16);
  if (pid === 0) return undefined;
  const status = info.readInt32LE(24);
  return info.readInt32LE(8) === CLD_EXITED
    ? { pid, code: status, signal: undefined }
    : { pid, code: undefined, signal: status };
}

/**
 * Calls back once when the process has ended, with its status where it was our child. No thread waits and nothing polls.
 * Disposing before that cancels it.
 */
export function onProcessExit(pid: number, callback: (exit: ProcessExit | undefined) => void): Disposable {
  const pidfd = pidfdOpen(pid);
  let open = true;
  const handle = loadNative().node.poll(pidfd, { readable: true }, () => {
    const exit = waitPidfd(pidfd);
    close();
    callback(exit);
  });
  function close(): void {
    if (!open) return;
    open = false;
    handle.close();
    closeSync(pidfd);
  }
  return { [Symbol.dispose]: close };
}

/** Whether a process of this number exists, a zombie included. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno !== -ESRCH;
  }
}

/** Orphans among our descendants become our children. */
export function setChildSubreaper(on: boolean): void {
  prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0);
}

/** What this process group starts shares processor cores with nobody else. Linux 5.14, with simultaneous multithreading. */
export function createCoreScheduling(): void {
  const call = libcFunction("int prctl(int option, ulong a, ulong b, ulong c, ulong d)");
  const result = call(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_PROCESS_GROUP, 0);
  check("prctl", result, "PR_SCHED_CORE");
}

/** Off: no core dump, and no tracer without CAP_SYS_PTRACE. */
export function setDumpable(on: boolean): void {
  prctl(PR_SET_DUMPABLE, on ? 1 : 0);
}

/** The signal that this process gets when the thread that started it has ended; 0 for none. */
export function setParentDeathSignal(signal: number): void {
  prctl(PR_SET_PDEATHSIG, signal);
}

/** What `ps` shows: at most 15 bytes, the rest is cut off. */
export function setProcessName(name: string): void {
  const text = Buffer.from(`${name.slice(0, 15)}\0`);
  check("prctl", libcFunction("int prctl(int option, void *a, ulong b, ulong c, ulong d)")(PR_SET_NAME, text, 0, 0, 0));
  process.title = name;
}

function prctl(option: number, value: number): void {
  check(
    "prctl",
    libcFunction("int prctl(int option, ulong a, ulong b, ulong c, ulong d)")(option, value, 0, 0, 0),
    `${option}`,
  );
}

/** `_exit`: no handlers, no flushing, no waiting for threads that may be stuck. */
export function exitImmediately(code: number): never {
  libcFunction("void _exit(int code)")(code);
  throw new Error("_exit returned"); // it cannot
}

function syscall(number: number, ...args: readonly number[]): number {
  return libcFunction("long syscall(long n, long a, long b, long c, long d, long e)")(number, ...args);
}
