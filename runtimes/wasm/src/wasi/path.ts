import { Errno } from "../errno.ts";
import {
  makeDirectory,
  makeLink,
  makeSymlink,
  openNode,
  type Place,
  removeDirectory,
  rename,
  unlinkFile,
} from "../fs/operations.ts";
import { lookup } from "../fs/resolve.ts";
import { ALL_RIGHTS, LOOKUP_SYMLINK_FOLLOW, OFLAG, RIGHT } from "./abi.ts";
import { assertRights, type Descriptor, type DirectoryDescriptor } from "./descriptor.ts";
import { assertFlags } from "./fd.ts";
import type { Host, HostFunction } from "./host.ts";
import { asksToChange, directoryRights, fileRights } from "./rights.ts";
import { setTimes, writeFilestat } from "./stat.ts";

type PlaceOf = (fd: number, rights: number, path: number, pathBytes: number) => Place;

const encoder = new TextEncoder();

/** Paths: each is relative to a directory that the guest holds, and cannot lead out of it. */
export function path(host: Host): Record<string, HostFunction> {
  const placeOf: PlaceOf = (fd, rights, pointer, pathBytes) => {
    const { node } = host.descriptors.directory(fd, rights);
    return { directory: node, path: host.memory.text(pointer, pathBytes) };
  };
  return { ...names(host, placeOf), ...attributes(host, placeOf), ...opening(host) };
}

function follows(flags: number): boolean {
  return (flags & LOOKUP_SYMLINK_FOLLOW) !== 0;
}

function names({ memory, fileSystem }: Host, placeOf: PlaceOf): Record<string, HostFunction> {
  return {
    path_create_directory(fd: number, path: number, pathBytes: number) {
      makeDirectory(fileSystem, placeOf(fd, RIGHT.PATH_CREATE_DIRECTORY, path, pathBytes));
    },
    path_remove_directory(fd: number, path: number, pathBytes: number) {
      removeDirectory(fileSystem, placeOf(fd, RIGHT.PATH_REMOVE_DIRECTORY, path, pathBytes));
    },
    path_unlink_file(fd: number, path: number, pathBytes: number) {
      unlinkFile(fileSystem, placeOf(fd, RIGHT.PATH_UNLINK_FILE, path, pathBytes));
    },
    path_rename(fd: number, path: number, pathBytes: number, toFd: number, toPath: number, toBytes: number) {
      const from = placeOf(fd, RIGHT.PATH_RENAME_SOURCE, path, pathBytes);
      rename(fileSystem, from, placeOf(toFd, RIGHT.PATH_RENAME_TARGET, toPath, toBytes));
    },
    path_link(
      fd: number,
      flags: number,
      path: number,
      pathBytes: number,
      toFd: number,
      toPath: number,
      toBytes: number,
    ) {
      const from = placeOf(fd, RIGHT.PATH_LINK_SOURCE, path, pathBytes);
      makeLink(fileSystem, from, follows(flags), placeOf(toFd, RIGHT.PATH_LINK_TARGET, toPath, toBytes));
    },
    path_symlink(target: number, targetBytes: number, fd: number, path: number, pathBytes: number) {
      const text = memory.text(target, targetBytes);
      makeSymlink(fileSystem, text, placeOf(fd, RIGHT.PATH_SYMLINK, path, pathBytes));
    },
    /** What does not fit the buffer is cut off, and the guest sees only that the buffer is full. */
    path_readlink(fd: number, path: number, pathBytes: number, buffer: number, sizeBytes: number, result: number) {
      const place = placeOf(fd, RIGHT.PATH_READLINK, path, pathBytes);
      const node = lookup(place.directory, place.path, "slash");
      if (node.type !== "symlink") throw new Errno("INVAL");
      const target = encoder.encode(node.target).subarray(0, sizeBytes >>> 0);
      memory.bytes(buffer, target.length).set(target);
      memory.writeU32(result, target.length);
    },
  };
}

function attributes({ memory, fileSystem }: Host, placeOf: PlaceOf): Record<string, HostFunction> {
  return {
    path_filestat_get(fd: number, flags: number, path: number, pathBytes: number, result: number) {
      const place = placeOf(fd, RIGHT.PATH_FILESTAT_GET, path, pathBytes);
      writeFilestat(memory, result, lookup(place.directory, place.path, follows(flags) ? "always" : "slash"));
    },
    path_filestat_set_times(
      fd: number,
      lookupFlags: number,
      path: number,
      pathBytes: number,
      atime: bigint,
      mtime: bigint,
      flags: number,
    ) {
      const place = placeOf(fd, RIGHT.PATH_FILESTAT_SET_TIMES, path, pathBytes);
      const node = lookup(place.directory, place.path, follows(lookupFlags) ? "always" : "slash");
      setTimes(fileSystem, node, { atime, mtime, flags });
    },
  };
}

function opening(host: Host): Record<string, HostFunction> {
  const { memory, descriptors } = host;
  return {
    path_open(
      fd: number,
      lookupFlags: number,
      path: number,
      pathBytes: number,
      openFlags: number,
      rights: bigint,
      _inheriting: bigint,
      flags: number,
      result: number,
    ) {
      const directory = descriptors.directory(fd, RIGHT.PATH_OPEN);
      const requested = Number(BigInt.asUintN(64, rights) & BigInt(ALL_RIGHTS));
      assertFlags(flags);
      const text = memory.text(path, pathBytes);
      // Checked before anything is made: an address of the guest's that is wrong must not leave a descriptor open.
      memory.writeU32(result, 0);
      const opened = open(host, directory, { path: text, lookupFlags, openFlags, requested, flags });
      memory.writeU32(result, descriptors.add(opened));
    },
  };
}

interface OpenRequest {
  readonly path: string;
  readonly lookupFlags: number;
  readonly openFlags: number;
  /** Bits of RIGHT. */
  readonly requested: number;
  readonly flags: number;
}

function open({ fileSystem }: Host, directory: DirectoryDescriptor, request: OpenRequest): Descriptor {
  const { path, lookupFlags, openFlags, requested, flags } = request;
  if ((openFlags & ~15) !== 0) throw new Errno("INVAL");
  const create = (openFlags & OFLAG.CREAT) !== 0;
  const truncate = (openFlags & OFLAG.TRUNC) !== 0;
  if (create) assertRights(directory, RIGHT.PATH_CREATE_FILE, "PERM");
  if (truncate) assertRights(directory, RIGHT.PATH_FILESTAT_SET_SIZE, "PERM");
  const wanted = requested & (RIGHT.FD_READ | RIGHT.FD_WRITE);
  if ((wanted & ~directory.inheriting) !== 0) throw new Errno("NOTCAPABLE");
  const node = openNode(
    fileSystem,
    { directory: directory.node, path },
    {
      followLast: follows(lookupFlags),
      create,
      exclusive: (openFlags & OFLAG.EXCL) !== 0,
      directory: (openFlags & OFLAG.DIRECTORY) !== 0,
      truncate,
      write: asksToChange(requested),
    },
  );
  const { inheriting } = directory;
  if (node.type === "directory") {
    return { kind: "directory", node, rights: directoryRights(inheriting), inheriting, flags };
  }
  return { kind: "file", node, offset: 0, rights: fileRights(requested, inheriting), inheriting: 0, flags };
}
