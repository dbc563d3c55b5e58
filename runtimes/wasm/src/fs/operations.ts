import { Errno } from "../errno.ts";
import type { FileSystem } from "./file-system.ts";
import type { DirectoryNode, FileNode, Node } from "./node.ts";
import { lookup, type Resolution, resolvePath } from "./resolve.ts";

/** A directory to start from, and a path within it. */
export interface Place {
  readonly directory: DirectoryNode;
  readonly path: string;
}

function touch(fs: FileSystem, node: Node): void {
  const now = fs.now();
  node.times.mtime = now;
  node.times.ctime = now;
}

/** @throws Errno ROFS, NOENT (the directory itself has been removed) */
function assertWritable(directory: DirectoryNode): void {
  if (directory.device.readOnly) throw new Errno("ROFS");
  if (directory.nlink === 0) throw new Errno("NOENT");
}

function addEntry(fs: FileSystem, directory: DirectoryNode, name: string, node: Node): void {
  directory.entries.set(name, node);
  if (node.type === "directory") node.parent = directory;
  touch(fs, directory);
}

function removeEntry(fs: FileSystem, directory: DirectoryNode, name: string, node: Node): void {
  directory.entries.delete(name);
  node.nlink -= 1;
  node.times.ctime = fs.now();
  touch(fs, directory);
  fs.reclaim(node);
}

/** @throws Errno EXIST, ROFS, NOSPC and those of resolvePath */
export function makeDirectory(fs: FileSystem, { directory, path }: Place): void {
  const { parent, name, node } = resolvePath(directory, path, "never");
  if (node !== undefined || name === undefined) throw new Errno("EXIST");
  assertWritable(parent);
  addEntry(fs, parent, name, fs.create({ type: "directory" }, parent));
}

/** Where a new name that is no directory goes. @throws Errno EXIST, NOENT, NOTDIR (a trailing slash), ROFS */
function newName({ parent, name, node, mustBeDirectory }: Resolution): { parent: DirectoryNode; name: string } {
  if (node !== undefined && mustBeDirectory && node.type !== "directory") throw new Errno("NOTDIR");
  if (node !== undefined || name === undefined) throw new Errno("EXIST");
  if (mustBeDirectory) throw new Errno("NOENT");
  assertWritable(parent);
  return { parent, name };
}

/**
 * Makes a symbolic link. Absolute targets are refused: from any directory but the root they could not be followed.
 * @throws Errno PERM (absolute target), NOENT (empty target), EXIST, NOTDIR, ROFS, NOSPC and those of resolvePath
 */
export function makeSymlink(fs: FileSystem, target: string, { directory, path }: Place): void {
  if (target === "") throw new Errno("NOENT");
  if (target.startsWith("/")) throw new Errno("PERM");
  const { parent, name } = newName(resolvePath(directory, path, "never"));
  addEntry(fs, parent, name, fs.create({ type: "symlink", target }, parent));
}

/** Gives a file or symbolic link one more name. @throws Errno PERM (a directory), EXIST, XDEV, ROFS and others */
export function makeLink(fs: FileSystem, from: Place, followLast: boolean, to: Place): void {
  const node = lookup(from.directory, from.path, followLast ? "always" : "slash");
  if (node.type === "directory") throw new Errno("PERM");
  const { parent, name } = newName(resolvePath(to.directory, to.path, "never"));
  if (node.device !== parent.device || node.pinned) throw new Errno("XDEV");
  node.nlink += 1;
  node.times.ctime = fs.now();
  addEntry(fs, parent, name, node);
}

/** @throws Errno NOENT, NOTDIR, ISDIR, BUSY, ROFS and those of resolvePath */
export function unlinkFile(fs: FileSystem, { directory, path }: Place): void {
  const { parent, name, node, mustBeDirectory } = resolvePath(directory, path, "never");
  if (node === undefined) throw new Errno("NOENT");
  if (node.type === "directory" || name === undefined) throw new Errno("ISDIR");
  if (mustBeDirectory) throw new Errno("NOTDIR");
  if (node.pinned) throw new Errno("BUSY");
  assertWritable(parent);
  removeEntry(fs, parent, name, node);
}

/** @throws Errno NOENT, NOTDIR, NOTEMPTY, BUSY, INVAL (the path ends in a dot), ROFS and those of resolvePath */
export function removeDirectory(fs: FileSystem, { directory, path }: Place): void {
  const { parent, name, node } = resolvePath(directory, path, "never");
  if (node === undefined) throw new Errno("NOENT");
  if (node.type !== "directory") throw new Errno("NOTDIR");
  if (name === undefined) throw new Errno("INVAL");
  if (node.pinned) throw new Errno("BUSY");
  if (node.entries.size > 0) throw new Errno("NOTEMPTY");
  assertWritable(parent);
  removeEntry(fs, parent, name, node);
}

/** @throws Errno NOENT, NOTDIR, ISDIR, NOTEMPTY, INVAL (into itself), BUSY, XDEV, ROFS and those of resolvePath */
export function rename(fs: FileSystem, from: Place, to: Place): void {
  const source = resolvePath(from.directory, from.path, "never");
  const target = resolvePath(to.directory, to.path, "never");
  const { node } = source;
  if (node === undefined) throw new Errno("NOENT");
  if (source.name === undefined || target.name === undefined || node.pinned) throw new Errno("BUSY");
  if (node.type !== "directory" && (source.mustBeDirectory || target.mustBeDirectory)) throw new Errno("NOTDIR");
  if (node.device !== target.parent.device) throw new Errno("XDEV");
  if (target.node === node) return;
  assertWritable(source.parent);
  assertWritable(target.parent);
  if (node.type === "directory" && isWithin(target.parent, node)) throw new Errno("INVAL");
  if (target.node !== undefined) {
    assertReplaceable(node, target.node);
    removeEntry(fs, target.parent, target.name, target.node);
  }
  source.parent.entries.delete(source.name);
  touch(fs, source.parent);
  node.times.ctime = fs.now();
  addEntry(fs, target.parent, target.name, node);
}

function isWithin(directory: DirectoryNode, ancestor: DirectoryNode): boolean {
  for (let at: DirectoryNode | undefined = directory; at !== undefined; at = at.parent) {
    if (at === ancestor) return true;
  }
  return false;
}

function assertReplaceable(by: Node, node: Node): void {
  if (node.pinned) throw new Errno("BUSY");
  if (by.type === "directory" && node.type !== "directory") throw new Errno("NOTDIR");
  if (by.type !== "directory" && node.type === "directory") throw new Errno("ISDIR");
  if (node.type === "directory" && node.entries.size > 0) throw new Errno("NOTEMPTY");
}

export interface OpenOptions {
  readonly followLast: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly directory: boolean;
  readonly truncate: boolean;
  /** The descriptor will be written to. */
  readonly write: boolean;
}

/**
 * Finds or makes what a path names.
 * @throws Errno NOENT, EXIST, NOTDIR, ISDIR (a directory to be written), LOOP (a symbolic link that must not be
 * followed), ROFS, NOSPC and those of resolvePath
 */
export function openNode(fs: FileSystem, { directory, path }: Place, options: OpenOptions): FileNode | DirectoryNode {
  const follow = options.create && options.exclusive ? "never" : options.followLast ? "always" : "slash";
  const resolution = resolvePath(directory, path, follow);
  const node = resolution.node ?? createFile(fs, resolution, options);
  if (resolution.node !== undefined && options.create && options.exclusive) throw new Errno("EXIST");
  if (node.type === "symlink") throw new Errno(options.directory ? "NOTDIR" : "LOOP");
  if (node.type === "directory") {
    if (options.write || options.truncate) throw new Errno("ISDIR");
    return node;
  }
  if (options.directory || resolution.mustBeDirectory) throw new Errno("NOTDIR");
  if ((options.write || options.truncate) && node.device.readOnly) throw new Errno("ROFS");
  if (options.truncate) truncateFile(fs, node, 0);
  return node;
}

function createFile(fs: FileSystem, { parent, name, mustBeDirectory }: Resolution, options: OpenOptions): Node {
  if (!options.create || name === undefined) throw new Errno("NOENT");
  if (mustBeDirectory) throw new Errno("ISDIR");
  if (options.directory) throw new Errno("INVAL");
  assertWritable(parent);
  const node = fs.create({ type: "file" }, parent);
  addEntry(fs, parent, name, node);
  return node;
}

/** @throws Errno ROFS, NOSPC */
export function truncateFile(fs: FileSystem, node: FileNode, sizeBytes: number): void {
  node.content.truncate(sizeBytes);
  touch(fs, node);
}
