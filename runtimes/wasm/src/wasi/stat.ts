import { Errno } from "../errno.ts";
import type { FileSystem } from "../fs/file-system.ts";
import type { Node } from "../fs/node.ts";
import { FILETYPE, FSTFLAG } from "./abi.ts";
import type { Descriptor } from "./descriptor.ts";
import type { HostStream } from "./host.ts";
import type { GuestMemory } from "./memory.ts";

const NODE_TYPES = {
  file: FILETYPE.REGULAR_FILE,
  directory: FILETYPE.DIRECTORY,
  symlink: FILETYPE.SYMBOLIC_LINK,
} as const;

const STREAM_TYPES = {
  terminal: FILETYPE.CHARACTER_DEVICE,
  "character-device": FILETYPE.CHARACTER_DEVICE,
  "regular-file": FILETYPE.REGULAR_FILE,
  socket: FILETYPE.SOCKET_STREAM,
  // Preview 1 has no name for a pipe.
  pipe: FILETYPE.UNKNOWN,
} as const;

export function fileTypeOfNode(node: Node): number {
  return NODE_TYPES[node.type];
}

export function fileTypeOf(descriptor: Descriptor): number {
  return descriptor.kind === "stream" ? STREAM_TYPES[descriptor.stream.type] : NODE_TYPES[descriptor.node.type];
}

function sizeOf(node: Node): number {
  if (node.type === "file") return node.content.sizeBytes;
  return node.type === "symlink" ? Buffer.byteLength(node.target) : 0;
}

/** Writes a `filestat` (64 bytes). @see WASI preview1 `typenames.witx`, `filestat` */
export function writeFilestat(memory: GuestMemory, pointer: number, node: Node): void {
  memory.zero(pointer, 64);
  memory.writeU64(pointer, node.device.id);
  memory.writeU64(pointer + 8, node.ino);
  memory.writeU8(pointer + 16, fileTypeOfNode(node));
  memory.writeU64(pointer + 24, BigInt(node.nlink));
  memory.writeU64(pointer + 32, BigInt(sizeOf(node)));
  memory.writeU64(pointer + 40, node.times.atime);
  memory.writeU64(pointer + 48, node.times.mtime);
  memory.writeU64(pointer + 56, node.times.ctime);
}

/** A standard stream says what it is, and nothing of the file on the host behind it. */
export function writeStreamFilestat(memory: GuestMemory, pointer: number, stream: HostStream): void {
  memory.zero(pointer, 64);
  memory.writeU64(pointer + 8, BigInt(stream.fd));
  memory.writeU8(pointer + 16, STREAM_TYPES[stream.type]);
  memory.writeU64(pointer + 24, 1n);
}

export interface NewTimes {
  readonly atime: bigint;
  readonly mtime: bigint;
  /** Bits of FSTFLAG. */
  readonly flags: number;
}

/** @throws Errno INVAL (a time both given and `now`, unknown flags), ROFS */
export function setTimes(fs: FileSystem, node: Node, { atime, mtime, flags }: NewTimes): void {
  const contradicts = (both: number): boolean => (flags & both) === both;
  if (contradicts(FSTFLAG.ATIM | FSTFLAG.ATIM_NOW) || contradicts(FSTFLAG.MTIM | FSTFLAG.MTIM_NOW)) {
    throw new Errno("INVAL");
  }
  if ((flags & ~15) !== 0) throw new Errno("INVAL");
  if (node.device.readOnly) throw new Errno("ROFS");
  const now = fs.now();
  if ((flags & FSTFLAG.ATIM) !== 0) node.times.atime = BigInt.asUintN(64, atime);
  if ((flags & FSTFLAG.ATIM_NOW) !== 0) node.times.atime = now;
  if ((flags & FSTFLAG.MTIM) !== 0) node.times.mtime = BigInt.asUintN(64, mtime);
  if ((flags & FSTFLAG.MTIM_NOW) !== 0) node.times.mtime = now;
  node.times.ctime = now;
}
