import { Readable } from "node:stream";
import type { Inode, Node } from "./builder.ts";
import { sortByPath } from "./path.ts";
import type { Spool } from "./spool.ts";
import type { FileTree, TreeEntry } from "./types.ts";

/** Freezes a finished tree; the spool is the tree's from now on. */
export function createFileTree(root: Node, spool: Spool): FileTree {
  const found: TreeEntry[] = [];
  collect(root, "/", spool, found);
  return {
    entries: new Map(sortByPath(found).map((entry) => [entry.path, entry])),
    close: () => spool.close(),
    [Symbol.asyncDispose]: () => spool.close(),
  };
}

function collect(node: Node, path: string, spool: Spool, found: TreeEntry[]): void {
  found.push(createEntry(path, node.inode, spool));
  for (const [name, child] of node.children)
    collect(child, path === "/" ? `/${name}` : `${path}/${name}`, spool, found);
}

function createEntry(path: string, inode: Inode, spool: Spool): TreeEntry {
  const { number, offset, ...facts } = inode;
  return {
    path,
    inode: number,
    ...facts,
    open: () => Readable.from(spool.stream(offset, inode.sizeBytes), { objectMode: false }),
    read: () => spool.read(offset, inode.sizeBytes),
  };
}
