import { InclavareError } from "@inclavare/errors";
import type { TarMember } from "../tar/read.ts";
import { componentsOf } from "./path.ts";
import type { EntryType } from "./types.ts";

/** What hard links share. */
export interface Inode {
  readonly number: number;
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** Where the contents lie in the spool. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly linkTarget?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** A name in the tree. */
export interface Node {
  inode: Inode;
  /** The layer that wrote it last; a whiteout takes away only what lower layers wrote. */
  layer: number;
  /** Of a directory. */
  readonly children: Map<string, Node>;
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * The tree while layers are applied. Nothing is ever below anything but a directory, so a path in it never leads
 * through a symbolic link.
 * @see OCI image specification, layer.md, "Applying Changesets"
 */
export class TreeBuilder {
  readonly root: Node;
  private inodes = 0;

  constructor() {
    this.root = this.implicitDirectory(-1);
  }

  /** Puts an entry other than a hard link at `path`; a directory keeps what is in it. */
  put(path: string, member: TarMember, offset: number, layer: number, what: string): void {
    const inode: Inode = {
      number: this.inodes++,
      type: member.type as EntryType,
      mode: member.mode,
      uid: member.uid,
      gid: member.gid,
      mtimeSeconds: member.mtimeSeconds,
      offset,
      sizeBytes: member.sizeBytes,
      ...(member.type === "symlink" ? { linkTarget: member.linkName } : {}),
      ...(member.device === undefined ? {} : { device: member.device }),
      xattrs: member.xattrs.size === 0 ? NO_XATTRS : member.xattrs,
    };
    this.set(path, inode, layer, what);
  }

  /** @throws ERR_OCI_LAYER_PATH when there is nothing at `target`, or a directory. */
  link(path: string, target: string, layer: number, what: string): void {
    const found = this.find(target, what);
    if (found === undefined || found.inode.type === "directory") {
      const there = found === undefined ? "nothing is there" : "it is a directory";
      throw refuse(path, `${what}: hard link ${path} leads to ${target}, and ${there}`);
    }
    if (path !== target) this.set(path, found.inode, layer, what);
  }

  /** A whiteout: takes away what lower layers have at `path`. */
  removeLower(path: string, layer: number, what: string): void {
    const names = componentsOf(path);
    const name = names.pop() ?? "";
    const parent = this.find(`/${names.join("/")}`, what);
    if (parent === undefined) return;
    assertDirectory(parent, path, what);
    const node = parent.children.get(name);
    if (node === undefined) return;
    this.clear(node, layer);
    this.drop(parent, name, node, layer);
  }

  /** An opaque whiteout: takes away what lower layers have in the directory at `path`. */
  clearLower(path: string, layer: number, what: string): void {
    const node = this.find(path, what);
    if (node === undefined) return;
    assertDirectory(node, path, what);
    this.clear(node, layer);
  }

  private clear(node: Node, layer: number): void {
    for (const [name, child] of node.children) {
      this.clear(child, layer);
      this.drop(node, name, child, layer);
    }
  }

  /** What this layer itself put below a directory stays, in one of which nothing else is known any more. */
  private drop(parent: Node, name: string, node: Node, layer: number): void {
    if (node.layer >= layer) return;
    if (node.children.size === 0) parent.children.delete(name);
    else parent.children.set(name, { ...this.implicitDirectory(layer), children: node.children });
  }

  private set(path: string, inode: Inode, layer: number, what: string): void {
    const names = componentsOf(path);
    const name = names.pop();
    if (name === undefined) {
      if (inode.type !== "directory") throw refuse(path, `${what}: the root is not a directory`);
      this.root.inode = inode;
      return;
    }
    const parent = this.ensureDirectory(names, layer, what);
    const before = parent.children.get(name);
    if (before?.inode.type === "directory" && inode.type === "directory") {
      before.inode = inode;
      before.layer = layer;
      return;
    }
    parent.children.set(name, { inode, layer, children: new Map() });
  }

  /** @throws ERR_OCI_LAYER_PATH when a symbolic link or anything else than a directory is on the way. */
  private find(path: string, what: string): Node | undefined {
    let node: Node = this.root;
    for (const name of componentsOf(path)) {
      assertDirectory(node, path, what);
      const next = node.children.get(name);
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  private ensureDirectory(names: readonly string[], layer: number, what: string): Node {
    let node = this.root;
    for (const name of names) {
      let next = node.children.get(name);
      if (next === undefined) {
        next = this.implicitDirectory(layer);
        node.children.set(name, next);
      }
      assertDirectory(next, `/${names.join("/")}`, what);
      node = next;
    }
    return node;
  }

  /** A directory that no entry describes. The time is fixed, so that the same image gives the same tree. */
  private implicitDirectory(layer: number): Node {
    const owner = { uid: 0, gid: 0, mtimeSeconds: 0, offset: 0, sizeBytes: 0, xattrs: NO_XATTRS };
    return { inode: { number: this.inodes++, type: "directory", mode: 0o755, ...owner }, layer, children: new Map() };
  }
}

function assertDirectory(node: Node, path: string, what: string): void {
  if (node.inode.type === "directory") return;
  const kind = node.inode.type === "symlink" ? "a symbolic link" : `a ${node.inode.type}`;
  throw refuse(path, `${what}: the way to ${path} leads through ${kind}`);
}

function refuse(path: string, message: string): InclavareError {
  return new InclavareError("ERR_OCI_LAYER_PATH", message, { details: { path } });
}
