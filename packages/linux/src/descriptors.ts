import { closeSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { check, EAGAIN, EINTR, lastErrno, libcFunction, linuxError, loadNative } from "./native.ts";

const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;
const POLLNVAL = 32;
const POLLFD_BYTES = 8;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const F_ADD_SEALS = 1033;
const F_SEAL_ALL = 0xf;
const FD_CLOEXEC = 1;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const TIOCSWINSZ = 0x5414;
const EFD_CLOEXEC_NONBLOCK = 0o2004000;
const SPLICE_F_MOVE_NONBLOCK = 3;
const MFD_CLOEXEC_ALLOW_SEALING = 3;

export interface PollRequest {
  readonly fd: number;
  readonly readable?: boolean;
  readonly writable?: boolean;
}

export interface PollResult {
  readonly readable: boolean;
  readonly writable: boolean;
  /** The other end is gone, or the descriptor is in error or not open. */
  readonly hangup: boolean;
}

/**
 * poll(2), synchronously: blocks this thread for at most `timeoutMs` (-1: for ever; 0: not at all).
 * @returns one result for each request, in order; all false after a timeout.
 */
export function pollDescriptors(requests: readonly PollRequest[], timeoutMs: number): PollResult[] {
  const table = Buffer.alloc(POLLFD_BYTES * requests.length);
  requests.forEach(({ fd, readable, writable }, index) => {
    table.writeInt32LE(fd, index * POLLFD_BYTES);
    table.writeInt16LE((readable === true ? POLLIN : 0) | (writable === true ? POLLOUT : 0), index * POLLFD_BYTES + 4);
  });
  const poll = libcFunction("int poll(void *fds, ulong count, int timeout)");
  const deadline = performance.now() + timeoutMs;
  for (
    let leftMs = timeoutMs;
    poll(table, requests.length, leftMs) === -1;
    leftMs = Math.max(0, deadline - performance.now())
  ) {
    const errno = lastErrno();
    if (errno !== EINTR) throw linuxError("poll", errno);
    if (timeoutMs < 0) leftMs = -1;
  }
  return requests.map((_, index) => {
    const events = table.readInt16LE(index * POLLFD_BYTES + 6);
    return {
      readable: (events & POLLIN) !== 0,
      writable: (events & POLLOUT) !== 0,
      hangup: (events & (POLLHUP | POLLERR | POLLNVAL)) !== 0,
    };
  });
}

/** Calls back on the event loop whenever the descriptor is readable or its other end is gone; no thread is used. */
export function watchReadable(fd: number, callback: () => void): { close(): void } {
  const handle = loadNative().node.poll(fd, { readable: true, disconnect: true }, callback);
  return { close: () => handle.close() };
}

/** As {@link watchReadable}, for the moment at which something can be written. */
export function watchWritable(fd: number, callback: () => void): { close(): void } {
  const handle = loadNative().node.poll(fd, { writable: true, disconnect: true }, callback);
  return { close: () => handle.close() };
}

/**
 * splice(2): moves bytes from one descriptor to another, one of which is a pipe, inside the kernel. Never waits.
 * @returns how many were moved; 0 at the end of the source; undefined when the source is empty or the target full.
 * @throws ERR_LINUX_CALL
 */
export function splice(from: number, to: number, maxBytes: number): number | undefined {
  const call = libcFunction(
    "long splice(int from, void *fromOffset, int to, void *toOffset, size_t length, uint flags)",
  );
  const count = call(from, null, to, null, maxBytes, SPLICE_F_MOVE_NONBLOCK);
  if (count !== -1) return count;
  const errno = lastErrno();
  if (errno === EAGAIN || errno === EINTR) return undefined;
  throw linuxError("splice", errno);
}

/** A counter that makes its descriptor readable; wakes a thread that is in {@link pollDescriptors}. */
export function createEventfd(): number {
  return check("eventfd", libcFunction("int eventfd(uint initial, int flags)")(0, EFD_CLOEXEC_NONBLOCK));
}

export function signalEventfd(fd: number): void {
  const one = Buffer.alloc(8);
  one.writeBigUInt64LE(1n);
  writeSync(fd, one);
}

export function setCloseOnExec(fd: number, on: boolean): void {
  const flags = fcntl(fd, F_GETFD, 0);
  fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

/** dup2(2): `to` becomes another name of `from`, and stays open across execve. */
export function replaceDescriptor(from: number, to: number): void {
  check("dup2", libcFunction("int dup2(int from, int to)")(from, to));
}

/** Another descriptor of the same open file description; close-on-exec. */
export function duplicateDescriptor(fd: number): number {
  return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/** Of the open file description, so for everybody who shares it: not for descriptors that a caller handed in. */
export function setNonBlocking(fd: number, on: boolean): void {
  const flags = fcntl(fd, F_GETFL, 0);
  fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/** The two ends of a pipe. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** A pipe that holds `capacityBytes` before its writer waits: at most 1 MiB for others than root. Both ends are close-on-exec. */
export function createPipe(capacityBytes: number): Pipe {
  const ends = Buffer.alloc(8);
  check("pipe2", libcFunction("int pipe2(void *ends, int flags)")(ends, O_CLOEXEC));
  const pipe = { readEnd: ends.readInt32LE(0), writeEnd: ends.readInt32LE(4) };
  try {
    fcntl(pipe.writeEnd, F_SETPIPE_SZ, capacityBytes);
    return pipe;
  } catch (error) {
    closeQuietly([pipe.readEnd, pipe.writeEnd]);
    throw error;
  }
}

/** A file without a name, in memory, that can be sealed. */
export function createMemfd(name: string): number {
  return check(
    "memfd_create",
    libcFunction("int memfd_create(const char *name, uint flags)")(name, MFD_CLOEXEC_ALLOW_SEALING),
    name,
  );
}

/** Fixes size and contents for ever, for every holder. */
export function sealMemfd(fd: number): void {
  fcntl(fd, F_ADD_SEALS, F_SEAL_ALL);
}

/** Sets the size of a terminal, given by either of its sides. */
export function setTerminalSize(fd: number, size: { readonly columns: number; readonly rows: number }): void {
  const argument = Buffer.alloc(8);
  argument.writeUInt16LE(size.rows, 0);
  argument.writeUInt16LE(size.columns, 2);
  const ioctl = libcFunction("int ioctl(int fd, ulong request, void *argument)");
  check("ioctl", ioctl(fd, TIOCSWINSZ, argument), "TIOCSWINSZ");
}

export function isTerminal(fd: number): boolean {
  return isatty(fd);
}

/** Closes every descriptor of the list; used where some of them may be closed already. */
export function closeQuietly(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) {
    try {
      closeSync(descriptor);
    } catch {
      // closed already: that is what was wanted
    }
  }
}

function fcntl(fd: number, command: number, argument: number): number {
  return check(
    "fcntl",
    libcFunction("int fcntl(int fd, int command, long argument)")(fd, command, argument),
    `${command} of descriptor ${fd}`,
  );
}
