import { chmodSync, closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { pollDescriptors } from "./descriptors.ts";
import { check, EAGAIN, EINTR, lastErrno, libcFunction, linuxError, loadNative } from "./native.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_CTRUNC = 8;
const PATH_BYTES = 108;
const CMSG_HEADER_BYTES = 16;
const MSGHDR_BYTES = 56;
const DEFAULT_BACKLOG = 128;

/** Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Received {
  /** Empty: the peer has closed its end. */
  readonly data: Buffer;
  /** Close-on-exec descriptors that now belong to the caller. */
  readonly descriptors: readonly number[];
}

/** Binds and listens. `mode` is that of the socket file. The descriptor is close-on-exec. */
export function listenUnix(path: string, options: { readonly mode: number; readonly backlog?: number }): number {
  const fd = streamSocket();
  try {
    withAddress(path, (address) =>
      check("bind", libcFunction("int bind(int fd, void *address, uint size)")(fd, address, address.length), path),
    );
    chmodSync(path, options.mode);
    check("listen", libcFunction("int listen(int fd, int backlog)")(fd, options.backlog ?? DEFAULT_BACKLOG), path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** @returns undefined when no connection waits (on a non-blocking descriptor) or it was gone again. */
export function acceptUnix(fd: number): number | undefined {
  const accept = libcFunction("int accept4(int fd, void *address, void *size, int flags)");
  const accepted = accept(fd, null, null, SOCK_CLOEXEC);
  if (accepted !== -1) return accepted;
  const errno = lastErrno();
  const ECONNABORTED = 103;
  if ([EAGAIN, EINTR, ECONNABORTED].includes(errno)) return undefined;
  throw linuxError("accept", errno);
}

/** Connects; the descriptor is blocking and close-on-exec. @throws ERR_LINUX_CALL, ERR_DEADLINE (full backlog) */
export function connectUnix(path: string, options: { readonly timeoutMs: number }): number {
  const fd = streamSocket();
  try {
    const connect = libcFunction("int connect(int fd, void *address, uint size)");
    setSendTimeout(fd, options.timeoutMs);
    withAddress(path, (address) => {
      if (connect(fd, address, address.length) !== -1) return;
      const errno = lastErrno();
      if (errno === EAGAIN)
        throw new InclavareError(
          "ERR_DEADLINE",
          `nobody accepted a connection to ${path} within ${options.timeoutMs} ms`,
        );
      throw linuxError("connect", errno, `to ${path}`);
    });
    setSendTimeout(fd, 0);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Sends `data` (at least one byte, in one piece) and copies of the descriptors. */
export function sendWithDescriptors(fd: number, data: Uint8Array, descriptors: readonly number[]): void {
  const control = Buffer.alloc(controlBytes(descriptors.length));
  control.writeBigUInt64LE(BigInt(CMSG_HEADER_BYTES + 4 * descriptors.length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  descriptors.forEach((descriptor, index) => control.writeInt32LE(descriptor, CMSG_HEADER_BYTES + 4 * index));
  const sendmsg = libcFunction("long sendmsg(int fd, void *message, int flags)");
  const message = messageHeader(Buffer.from(data), control);
  const sent = check("sendmsg", sendmsg(fd, message.header, MSG_NOSIGNAL));
  if (sent !== data.length) throw new InclavareError("ERR_LINUX_CALL", `sendmsg took ${sent} of ${data.length} bytes`);
}

/**
 * Receives what is there, without waiting.
 * @returns undefined when nothing is there yet; `data` is empty at the end of the stream.
 * @throws ERR_LINUX_CALL also when more descriptors came than `maxDescriptors`; those that did come are closed.
 */
export function receiveWithDescriptors(
  fd: number,
  limits: { readonly maxBytes: number; readonly maxDescriptors: number },
): Received | undefined {
  const data = Buffer.alloc(limits.maxBytes);
  const control = Buffer.alloc(controlBytes(limits.maxDescriptors));
  const { header } = messageHeader(data, control);
  const recvmsg = libcFunction("long recvmsg(int fd, void *message, int flags)");
  const count = recvmsg(fd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count === -1) {
    const errno = lastErrno();
    if (errno === EAGAIN || errno === EINTR) return undefined;
    throw linuxError("recvmsg", errno);
  }
  const descriptors = readDescriptors(control.subarray(0, Number(header.readBigUInt64LE(40))));
  if ((header.readInt32LE(48) & MSG_CTRUNC) !== 0) {
    for (const descriptor of descriptors) closeSync(descriptor);
    throw new InclavareError("ERR_LINUX_CALL", `the peer sent more than ${limits.maxDescriptors} descriptors`);
  }
  return { data: data.subarray(0, count), descriptors };
}

export function peerCredentials(fd: number): PeerCredentials {
  const value = Buffer.alloc(12);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(value.length);
  const getsockopt = libcFunction("int getsockopt(int fd, int level, int name, void *value, void *size)");
  check("getsockopt", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, size), "SO_PEERCRED");
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}

function streamSocket(): number {
  return check(
    "socket",
    libcFunction("int socket(int domain, int type, int protocol)")(AF_UNIX, SOCK_STREAM_CLOEXEC, 0),
  );
}

/** A Unix address holds 108 bytes; a longer path goes through a descriptor of its directory. */
function withAddress(path: string, use: (address: Buffer) => void): void {
  if (Buffer.byteLength(path) < PATH_BYTES) return use(unixAddress(path));
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    use(unixAddress(`/proc/self/fd/${directory}/${basename(path)}`));
  } finally {
    closeSync(directory);
  }
}

function unixAddress(path: string): Buffer {
  const name = Buffer.from(path);
  if (name.length >= PATH_BYTES)
    throw new InclavareError("ERR_LINUX_CALL", `the socket's name ${basename(path)} is too long`);
  const address = Buffer.alloc(2 + name.length + 1);
  address.writeUInt16LE(AF_UNIX);
  name.copy(address, 2);
  return address;
}

/** SO_SNDTIMEO also bounds a `connect` that waits for room in the backlog. 0: no bound. */
function setSendTimeout(fd: number, timeoutMs: number): void {
  const SO_SNDTIMEO = 21;
  const value = Buffer.alloc(16);
  value.writeBigInt64LE(BigInt(Math.trunc(timeoutMs / 1000)), 0);
  value.writeBigInt64LE(BigInt(Math.trunc(timeoutMs % 1000) * 1000), 8);
  const setsockopt = libcFunction("int setsockopt(int fd, int level, int name, void *value, uint size)");
  check("setsockopt", setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, value, value.length), "SO_SNDTIMEO");
}

function controlBytes(descriptors: number): number {
  return CMSG_HEADER_BYTES + Math.ceil((4 * descriptors) / 8) * 8;
}

/** struct msghdr and its one iovec, by address; the buffers must stay referenced while the call runs. */
function messageHeader(data: Buffer, control: Buffer): { header: Buffer; keep: readonly Buffer[] } {
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(addressOf(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const header = Buffer.alloc(MSGHDR_BYTES);
  header.writeBigUInt64LE(addressOf(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  return { header, keep: [data, control, vector] };
}

function addressOf(buffer: Buffer): bigint {
  return loadNative().address(buffer);
}

function readDescriptors(control: Buffer): number[] {
  const descriptors: number[] = [];
  for (let at = 0; at + CMSG_HEADER_BYTES <= control.length;) {
    const size = Number(control.readBigUInt64LE(at));
    if (size < CMSG_HEADER_BYTES) break;
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let item = at + CMSG_HEADER_BYTES; item + 4 <= at + size; item += 4)
        descriptors.push(control.readInt32LE(item));
    }
    at += Math.ceil(size / 8) * 8;
  }
  return descriptors;
}

/** Waits until the descriptor is readable. @throws ERR_DEADLINE */
export function waitReadable(fd: number, timeoutMs: number, what: string): void {
  const [result] = pollDescriptors([{ fd, readable: true }], timeoutMs);
  if (result !== undefined && (result.readable || result.hangup)) return;
  throw new InclavareError("ERR_DEADLINE", `${what} did not come within ${timeoutMs} ms`);
}
