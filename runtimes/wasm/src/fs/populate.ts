import { Errno } from "../errno.ts";
import { staticContent } from "./content.ts";
import type { FileSystem } from "./file-system.ts";
import type { Device, DirectoryNode, Node, Times } from "./node.ts";
import { lookup } from "./resolve.ts";

/** One entry of the measured image, as it reaches the guest's worker: contents lie in one shared buffer. */
export type TreeEntry =
  | { readonly type: "directory"; readonly path: string; readonly mtimeSeconds: number }
  | { readonly type: "symlink"; readonly path: string; readonly mtimeSeconds: number; readonly target: string }
  | {
      readonly type: "file";
      readonly path: string;
      readonly mtimeSeconds: number;
      readonly bytes: Uint8Array;
    };

/** A file put in from outside the image, at an absolute path. */
export interface AddedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface TreeContents {
  readonly entries: Iterable<TreeEntry>;
  /** Absolute paths of empty, writable directories; each hides what the image has there. */
  readonly memoryMounts: readonly string[];
  /** Read-only files, laid over everything else. */
  readonly files: readonly AddedFile[];
}

/** Fills the tree: the image, then the memory mounts (outer ones first), then the added files. */
export function populate(fs: FileSystem, { entries, memoryMounts, files }: TreeContents): void {
  const image = fs.root.device;
  for (const entry of entries) place(fs, entry.path, imageNode(fs, entry, image));
  for (const path of memoryMounts.toSorted((a, b) => a.length - b.length)) {
    const device = fs.addDevice({ readOnly: false });
    place(fs, path, fs.directory({ device, times: fs.freshTimes(), pinned: true }));
  }
  if (files.length === 0) return;
  const device = fs.addDevice({ readOnly: true });
  for (const { path, bytes } of files) {
    place(fs, path, fs.file({ device, times: fs.freshTimes(), pinned: true, content: staticContent(bytes) }));
  }
}

function imageNode(fs: FileSystem, entry: TreeEntry, device: Device): Node {
  const times = timesOf(entry.mtimeSeconds);
  if (entry.type === "directory") return fs.directory({ device, times });
  if (entry.type === "symlink") return fs.symlink({ device, times, target: entry.target });
  return fs.file({ device, times, content: staticContent(entry.bytes) });
}

function timesOf(seconds: number): Times {
  const time = BigInt(Math.trunc(seconds)) * 1_000_000_000n;
  return { atime: time, mtime: time, ctime: time };
}

/** Puts a node at a path, making the directories above it; what was there is replaced. */
function place(fs: FileSystem, path: string, node: Node): void {
  const components = path.split("/").filter((component) => component !== "" && component !== ".");
  const name = components.pop();
  if (name === undefined) {
    Object.assign(fs.root.times, node.times);
    return;
  }
  let directory: DirectoryNode = fs.root;
  for (const component of components) directory = subdirectory(fs, directory, component);
  const existing = directory.entries.get(name);
  // An image may list a directory after what lies in it.
  if (existing?.type === "directory" && node.type === "directory" && !node.pinned) {
    Object.assign(existing.times, node.times);
    return;
  }
  if (node.type === "directory") node.parent = directory;
  directory.entries.set(name, node);
}

/** The directory of that name, through a symbolic link of the image if need be; made where there is none. */
function subdirectory(fs: FileSystem, directory: DirectoryNode, name: string): DirectoryNode {
  const existing = directory.entries.get(name);
  const found = existing?.type === "symlink" ? followLink(fs, directory, name) : existing;
  if (found?.type === "directory") return found;
  const made = fs.directory({ device: directory.device, times: { ...directory.times }, parent: directory });
  directory.entries.set(name, made);
  return made;
}

function followLink(fs: FileSystem, directory: DirectoryNode, name: string): Node | undefined {
  try {
    return lookup(fs.root, `${pathOf(fs, directory)}${name}`, "always");
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}

function pathOf(fs: FileSystem, directory: DirectoryNode): string {
  const { parent } = directory;
  if (parent === undefined) return "";
  const name = [...parent.entries].find(([, node]) => node === directory)?.[0] ?? "";
  return `${pathOf(fs, parent)}${name}/`;
}
