import { Errno } from "../errno.ts";
import { truncateFile } from "../fs/operations.ts";
import { ALL_RIGHTS, FDFLAG, RIGHT, WHENCE } from "./abi.ts";
import { assertRights, type Descriptor, type FileDescriptor } from "./descriptor.ts";
import type { Host, HostFunction } from "./host.ts";
import { toOffset } from "./memory.ts";
import { fileTypeOf, setTimes, writeFilestat, writeStreamFilestat } from "./stat.ts";

const ALL_FLAGS = FDFLAG.APPEND | FDFLAG.DSYNC | FDFLAG.NONBLOCK | FDFLAG.RSYNC | FDFLAG.SYNC;
const encoder = new TextEncoder();

/** @throws Errno INVAL for bits that mean nothing */
export function assertFlags(flags: number): void {
  if ((flags & ~ALL_FLAGS) !== 0) throw new Errno("INVAL");
}

/** @throws Errno BADF for a directory, SPIPE for a stream: neither has a position */
function seekable(descriptor: Descriptor): FileDescriptor {
  if (descriptor.kind === "file") return descriptor;
  throw new Errno(descriptor.kind === "directory" ? "BADF" : "SPIPE");
}

/** @throws Errno BADF for a directory, INVAL for a stream: neither has a size to set */
function resizable(descriptor: Descriptor): FileDescriptor {
  if (descriptor.kind === "file") return descriptor;
  throw new Errno(descriptor.kind === "directory" ? "BADF" : "INVAL");
}

/** Descriptors themselves: state, position, size and times. */
export function fd(host: Host): Record<string, HostFunction> {
  return { ...state(host), ...position(host), ...attributes(host), ...preopens(host) };
}

function state({ memory, descriptors }: Host): Record<string, HostFunction> {
  return {
    fd_close(number: number) {
      descriptors.close(number);
    },
    fd_renumber(from: number, to: number) {
      descriptors.renumber(from, to);
    },
    fd_fdstat_get(number: number, result: number) {
      const descriptor = descriptors.get(number);
      memory.zero(result, 24);
      memory.writeU8(result, fileTypeOf(descriptor));
      memory.writeU16(result + 2, descriptor.flags);
      memory.writeU64(result + 8, BigInt(descriptor.rights));
      memory.writeU64(result + 16, BigInt(descriptor.inheriting));
    },
    fd_fdstat_set_flags(number: number, flags: number) {
      const descriptor = descriptors.get(number);
      assertRights(descriptor, RIGHT.FD_FDSTAT_SET_FLAGS);
      assertFlags(flags);
      descriptor.flags = flags;
    },
    /** Rights can be given up, never gained. */
    fd_fdstat_set_rights(number: number, base: bigint, inheriting: bigint) {
      const descriptor = descriptors.get(number);
      const rights = Number(BigInt.asUintN(64, base) & BigInt(ALL_RIGHTS));
      const handedOn = Number(BigInt.asUintN(64, inheriting) & BigInt(ALL_RIGHTS));
      if ((rights & ~descriptor.rights) !== 0 || (handedOn & ~descriptor.inheriting) !== 0) {
        throw new Errno("NOTCAPABLE");
      }
      descriptor.rights = rights;
      descriptor.inheriting = handedOn;
    },
    // Everything is in memory: there is nothing to wait for.
    fd_sync(number: number) {
      assertRights(descriptors.get(number), RIGHT.FD_SYNC);
    },
    fd_datasync(number: number) {
      assertRights(descriptors.get(number), RIGHT.FD_DATASYNC);
    },
    fd_advise(number: number, _offset: bigint, _length: bigint, advice: number) {
      const descriptor = descriptors.get(number);
      if (descriptor.kind === "stream") throw new Errno("SPIPE");
      assertRights(descriptor, RIGHT.FD_ADVISE);
      if (advice < 0 || advice > 5) throw new Errno("INVAL");
    },
  };
}

function position({ memory, descriptors }: Host): Record<string, HostFunction> {
  return {
    fd_seek(number: number, offset: bigint, whence: number, result: number) {
      const descriptor = seekable(descriptors.get(number));
      assertRights(descriptor, RIGHT.FD_SEEK);
      const target = base(descriptor, whence) + BigInt.asIntN(64, offset);
      if (target < 0n) throw new Errno("INVAL");
      descriptor.offset = toOffset(target);
      memory.writeU64(result, target);
    },
    fd_tell(number: number, result: number) {
      const descriptor = seekable(descriptors.get(number));
      assertRights(descriptor, RIGHT.FD_TELL);
      memory.writeU64(result, BigInt(descriptor.offset));
    },
  };
}

function base({ offset, node }: FileDescriptor, whence: number): bigint {
  if (whence === WHENCE.SET) return 0n;
  if (whence === WHENCE.CUR) return BigInt(offset);
  if (whence === WHENCE.END) return BigInt(node.content.sizeBytes);
  throw new Errno("INVAL");
}

function attributes({ memory, descriptors, fileSystem }: Host): Record<string, HostFunction> {
  return {
    fd_filestat_get(number: number, result: number) {
      const descriptor = descriptors.get(number);
      assertRights(descriptor, RIGHT.FD_FILESTAT_GET);
      if (descriptor.kind === "stream") writeStreamFilestat(memory, result, descriptor.stream);
      else writeFilestat(memory, result, descriptor.node);
    },
    fd_filestat_set_size(number: number, size: bigint) {
      const descriptor = resizable(descriptors.get(number));
      assertRights(descriptor, RIGHT.FD_FILESTAT_SET_SIZE);
      truncateFile(fileSystem, descriptor.node, toOffset(size));
    },
    fd_filestat_set_times(number: number, atime: bigint, mtime: bigint, flags: number) {
      const descriptor = descriptors.get(number);
      assertRights(descriptor, RIGHT.FD_FILESTAT_SET_TIMES);
      if (descriptor.kind === "stream") throw new Errno("PERM");
      setTimes(fileSystem, descriptor.node, { atime, mtime, flags });
    },
    fd_allocate(number: number, offset: bigint, length: bigint) {
      const descriptor = resizable(descriptors.get(number));
      assertRights(descriptor, RIGHT.FD_ALLOCATE, "BADF");
      const end = toOffset(BigInt.asUintN(64, offset) + BigInt.asUintN(64, length));
      if (BigInt.asUintN(64, length) === 0n) throw new Errno("INVAL");
      if (end > descriptor.node.content.sizeBytes) truncateFile(fileSystem, descriptor.node, end);
    },
  };
}

function preopens({ memory, descriptors }: Host): Record<string, HostFunction> {
  function nameOf(number: number): Uint8Array {
    const descriptor = descriptors.get(number);
    if (descriptor.kind !== "directory" || descriptor.preopenName === undefined) throw new Errno("BADF");
    return encoder.encode(descriptor.preopenName);
  }
  return {
    fd_prestat_get(number: number, result: number) {
      const name = nameOf(number);
      memory.writeU32(result, 0);
      memory.writeU32(result + 4, name.length);
    },
    fd_prestat_dir_name(number: number, path: number, sizeBytes: number) {
      const name = nameOf(number);
      if (sizeBytes >>> 0 < name.length) throw new Errno("NAMETOOLONG");
      memory.bytes(path, name.length).set(name);
    },
  };
}
