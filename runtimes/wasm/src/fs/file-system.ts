import { type FileContent, MemoryContent, type Quota } from "./content.ts";
import type { Device, DirectoryNode, FileNode, Node, NodeBase, SymlinkNode, Times } from "./node.ts";

/** What an inode and its name cost in memory, so that many empty files cannot pass the bound. */
const NODE_BYTES = 512;

/** What a guest can ask for. */
export type NewNode = { readonly type: "file" | "directory" } | { readonly type: "symlink"; readonly target: string };

interface NodeOptions {
  readonly device: Device;
  readonly times: Times;
  readonly pinned?: boolean;
}

/** The tree that one guest process sees: its inodes, its clock and the bound on its writable files. */
export class FileSystem {
  readonly root: DirectoryNode;
  readonly quota: Quota;
  /** Nanoseconds since the epoch, for the times of inodes. */
  readonly now: () => bigint;
  #lastIno = 0n;
  #lastDevice = 0n;

  constructor({ now, quota, rootTimes }: { now: () => bigint; quota: Quota; rootTimes?: Times }) {
    this.now = now;
    this.quota = quota;
    this.root = this.directory({
      device: this.addDevice({ readOnly: true }),
      times: rootTimes ?? this.freshTimes(),
      pinned: true,
    });
  }

  addDevice({ readOnly }: { readOnly: boolean }): Device {
    this.#lastDevice += 1n;
    return { id: this.#lastDevice, readOnly };
  }

  freshTimes(): Times {
    const now = this.now();
    return { atime: now, mtime: now, ctime: now };
  }

  directory(options: NodeOptions & { readonly parent?: DirectoryNode }): DirectoryNode {
    return { ...this.#base(options), type: "directory", entries: new Map(), parent: options.parent };
  }

  file(options: NodeOptions & { readonly content: FileContent }): FileNode {
    return { ...this.#base(options), type: "file", content: options.content };
  }

  symlink(options: NodeOptions & { readonly target: string }): SymlinkNode {
    return { ...this.#base(options), type: "symlink", target: options.target };
  }

  /** Makes an inode that the guest asked for, in the directory's device. @throws Errno NOSPC */
  create(kind: NewNode, directory: DirectoryNode): Node {
    this.quota.take(NODE_BYTES);
    const options = { device: directory.device, times: this.freshTimes() };
    if (kind.type === "directory") return this.directory({ ...options, parent: directory });
    if (kind.type === "symlink") return this.symlink({ ...options, target: kind.target });
    return this.file({ ...options, content: new MemoryContent(this.quota) });
  }

  /** Called after a name or a descriptor let go of a node; frees it once neither is left. */
  reclaim(node: Node): void {
    if (node.nlink > 0 || node.openCount > 0) return;
    if (node.type === "file") node.content.release();
    this.quota.take(-NODE_BYTES);
  }

  #base({ device, times, pinned = false }: NodeOptions): NodeBase {
    this.#lastIno += 1n;
    return { ino: this.#lastIno, device, times, pinned, nlink: 1, openCount: 0 };
  }
}
