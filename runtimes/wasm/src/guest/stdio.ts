import { constants, fstatSync, openSync, readSync, type Stats, writeSync } from "node:fs";
import { isTerminal } from "@inclavare/linux";
import { Errno, errnoOfHost } from "../errno.ts";
import type { HostStream, Interest, StreamType, Waiter } from "../wasi/host.ts";

/** A pipe that poll(2) reports as writable takes this much without blocking (PIPE_BUF). */
const PIPE_BYTES = 4096;
/** A terminal that poll(2) reports as writable may have room for one character only. */
const TERMINAL_BYTES = 1;
/** Between two looks at whether the process has been killed. */
const FILE_BYTES = 1 << 20;

/**
 * How one descriptor is used so that no call on it blocks. `pollFirst` where the descriptor itself blocks: it is asked
 * before each call, and written in pieces that then fit.
 */
interface Access {
  readonly fd: number;
  readonly pollFirst: boolean;
  readonly writeBytes: number;
}

/**
 * One of the container's descriptors as a standard stream of a guest. Nothing about the descriptor is changed: it is
 * shared with whoever made the container, so O_NONBLOCK must not be set on it.
 */
export function openStream(fd: number, want: Interest["want"], waiter: Waiter): HostStream {
  const stats = fstatSync(fd);
  const type = typeOf(stats, fd);
  const access = accessTo(fd, type, want);
  return {
    type,
    fd: access.fd,
    read: (into, { wait }) => read({ access, type, waiter, wait }, into),
    write: (bytes, { wait }) => write({ access, type, waiter, wait }, bytes),
  };
}

function typeOf(stats: Stats, fd: number): StreamType {
  if (stats.isFile() || stats.isDirectory()) return "regular-file";
  if (stats.isSocket()) return "socket";
  if (stats.isFIFO()) return "pipe";
  return isTerminal(fd) ? "terminal" : "character-device";
}

function accessTo(fd: number, type: StreamType, want: Interest["want"]): Access {
  if (type === "regular-file") return { fd, pollFirst: false, writeBytes: FILE_BYTES };
  const own = type === "pipe" || type === "terminal" ? reopen(fd, want) : undefined;
  if (own !== undefined) return { fd: own, pollFirst: false, writeBytes: FILE_BYTES };
  return { fd, pollFirst: true, writeBytes: type === "terminal" ? TERMINAL_BYTES : PIPE_BYTES };
}

/**
 * Another open file description of the same pipe or terminal, which may therefore be non-blocking. It is closed with
 * the worker. Nothing where the file's permissions do not allow it, or where there is no /proc.
 */
function reopen(fd: number, want: Interest["want"]): number | undefined {
  const direction = want === "read" ? constants.O_RDONLY : constants.O_WRONLY;
  try {
    return openSync(`/proc/self/fd/${fd}`, direction | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

interface Call {
  readonly access: Access;
  readonly type: StreamType;
  readonly waiter: Waiter;
  /** Whether the guest may be kept waiting. */
  readonly wait: boolean;
}

function read({ access, type, waiter, wait }: Call, into: Uint8Array): number {
  let isReady = !access.pollFirst;
  for (;;) {
    waiter.check();
    const count = isReady ? tryIo(() => readSync(access.fd, into, 0, into.length, null), type) : undefined;
    if (count !== undefined) return count;
    isReady = awaitReady(waiter, { fd: access.fd, want: "read" }, wait);
  }
}

function write({ access, type, waiter, wait }: Call, bytes: Uint8Array): number {
  let isReady = !access.pollFirst;
  let written = 0;
  while (written < bytes.length) {
    waiter.check();
    const part = bytes.subarray(written, written + access.writeBytes);
    try {
      const count = isReady ? tryIo(() => writeSync(access.fd, part, 0, part.length, null), type) : undefined;
      written += count ?? 0;
      if (count === undefined) isReady = awaitReady(waiter, { fd: access.fd, want: "write" }, wait);
      else isReady = !access.pollFirst;
    } catch (error) {
      if (written > 0 && error instanceof Errno) return written;
      throw error;
    }
  }
  return written;
}

/** @throws Errno AGAIN where the guest does not want to wait and there is nothing to be had */
function awaitReady(waiter: Waiter, interest: Interest, wait: boolean): true {
  const [readiness] = waiter.wait([interest], wait ? undefined : 0);
  if (readiness?.ready !== true && readiness?.hangup !== true) throw new Errno("AGAIN");
  return true;
}

/** The result of the call, or nothing where it has to be tried again. @throws Errno */
function tryIo(call: () => number, type: StreamType): number | undefined {
  try {
    return call();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EAGAIN" || code === "EINTR") return undefined;
    // The other side of a terminal is gone: its end.
    if (code === "EIO" && type === "terminal") return 0;
    throw new Errno(errnoOfHost(error));
  }
}
