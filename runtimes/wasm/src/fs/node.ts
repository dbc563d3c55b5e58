import type { FileContent } from "./content.ts";

/** A file system within the tree: what `stat` shows as the device. Renames and hard links do not cross it. */
export interface Device {
  readonly id: bigint;
  readonly readOnly: boolean;
}

/** Nanoseconds since the epoch. */
export interface Times {
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
}

export interface NodeBase {
  readonly ino: bigint;
  readonly device: Device;
  readonly times: Times;
  /** How many names lead here; 0 once the last is gone, while a descriptor may still hold the node. */
  nlink: number;
  /** How many descriptors of the guest lead here. */
  openCount: number;
  /** A mount point or a file put in from outside: it cannot be removed, renamed or replaced. */
  readonly pinned: boolean;
}

export interface FileNode extends NodeBase {
  readonly type: "file";
  readonly content: FileContent;
}

export interface DirectoryNode extends NodeBase {
  readonly type: "directory";
  readonly entries: Map<string, Node>;
  /** Nothing for the root. */
  parent: DirectoryNode | undefined;
}

export interface SymlinkNode extends NodeBase {
  readonly type: "symlink";
  readonly target: string;
}

/** An inode of the enclave's file system. */
export type Node = FileNode | DirectoryNode | SymlinkNode;
