import { Errno } from "../errno.ts";
import type { DirectoryNode, Node, SymlinkNode } from "./node.ts";

/** As Linux: more symbolic links than this in one path are taken for a loop. */
const MAX_SYMLINKS = 40;
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;

/**
 * What to do with a symbolic link as the last component: `always` follow it, `never`, or only where a trailing `slash`
 * says that a directory is meant.
 */
export type FollowLast = "always" | "slash" | "never";

/** Where a path leads. */
export interface Resolution {
  readonly parent: DirectoryNode;
  /** The last name, in `parent`; nothing where the path ends in `.` or `..` or is the starting directory itself. */
  readonly name: string | undefined;
  /** Nothing where no entry of that name exists yet. */
  readonly node: Node | undefined;
  /** A trailing slash was there: only a directory will do. */
  readonly mustBeDirectory: boolean;
}

interface Walk {
  /** From the starting directory down to where the walk is; never shorter than 1, which is what keeps it inside. */
  readonly stack: [DirectoryNode, ...DirectoryNode[]];
  /** What is left of the path, last component first. */
  readonly rest: string[];
  readonly follow: FollowLast;
  readonly mayUseAbsoluteLinks: boolean;
  mustBeDirectory: boolean;
  symlinks: number;
}

/**
 * Follows a path from a directory. It cannot leave that directory: neither by `..`, nor through a symbolic link. A link
 * with an absolute target starts again at the root of the tree, and is followed only where the walk itself began there.
 *
 * @throws Errno NOENT (an intermediate component, or an empty path), NOTDIR, LOOP, PERM (the path would leave the
 * starting directory), NAMETOOLONG
 */
export function resolvePath(start: DirectoryNode, path: string, follow: FollowLast): Resolution {
  if (path === "") throw new Errno("NOENT");
  if (path.length > MAX_PATH_BYTES) throw new Errno("NAMETOOLONG");
  if (path.startsWith("/")) throw new Errno("PERM");
  const walk: Walk = {
    stack: [start],
    rest: [],
    follow,
    mayUseAbsoluteLinks: start.parent === undefined,
    mustBeDirectory: false,
    symlinks: 0,
  };
  pushComponents(walk, path);
  for (;;) {
    const component = walk.rest.pop();
    if (component === undefined) return { ...here(walk), mustBeDirectory: walk.mustBeDirectory };
    const resolution = step(walk, component);
    if (resolution !== undefined) return resolution;
  }
}

function here(walk: Walk): { parent: DirectoryNode; name: undefined; node: DirectoryNode } {
  const node = walk.stack.at(-1) ?? walk.stack[0];
  return { parent: node, name: undefined, node };
}

function step(walk: Walk, component: string): Resolution | undefined {
  const { node: directory } = here(walk);
  if (component === ".") return undefined;
  if (component === "..") {
    if (walk.stack.length === 1) throw new Errno("PERM");
    walk.stack.pop();
    return undefined;
  }
  if (Buffer.byteLength(component) > MAX_NAME_BYTES) throw new Errno("NAMETOOLONG");
  const node = directory.entries.get(component);
  const isLast = walk.rest.length === 0;
  if (node?.type === "symlink" && (!isLast || follows(walk))) {
    expandSymlink(walk, node);
    return undefined;
  }
  if (isLast) return { parent: directory, name: component, node, mustBeDirectory: walk.mustBeDirectory };
  if (node === undefined) throw new Errno("NOENT");
  if (node.type !== "directory") throw new Errno("NOTDIR");
  walk.stack.push(node);
  return undefined;
}

function follows(walk: Walk): boolean {
  return walk.follow === "always" || (walk.follow === "slash" && walk.mustBeDirectory);
}

function expandSymlink(walk: Walk, { target }: SymlinkNode): void {
  walk.symlinks += 1;
  if (walk.symlinks > MAX_SYMLINKS) throw new Errno("LOOP");
  if (target.startsWith("/")) {
    if (!walk.mayUseAbsoluteLinks) throw new Errno("PERM");
    walk.stack.length = 1;
  }
  pushComponents(walk, target);
}

function pushComponents(walk: Walk, path: string): void {
  const isLast = walk.rest.length === 0;
  if (isLast && path.endsWith("/")) walk.mustBeDirectory = true;
  walk.rest.push(
    ...path
      .split("/")
      .filter((component) => component !== "")
      .toReversed(),
  );
}

/**
 * As {@link resolvePath} for something that must exist.
 * @throws Errno NOENT, NOTDIR (a trailing slash, and no directory), and those of resolvePath
 */
export function lookup(start: DirectoryNode, path: string, follow: FollowLast): Node {
  const { node, mustBeDirectory } = resolvePath(start, path, follow);
  if (node === undefined) throw new Errno("NOENT");
  if (mustBeDirectory && node.type !== "directory") throw new Errno("NOTDIR");
  return node;
}
