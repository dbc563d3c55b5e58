import { componentsOf } from "./path.ts";
import type { FileTree, TreeEntry } from "./types.ts";

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Finds what a process in the tree would find at `path`: symbolic links are followed, the last one included, and `..`
 * at the root stays there.
 * @param path absolute, or relative to the root.
 * @returns undefined when there is nothing, or when links go in circles.
 */
export function resolveInTree(tree: Pick<FileTree, "entries">, path: string): TreeEntry | undefined {
  const pending = path.split("/").toReversed();
  let links = 0;
  let current = "/";
  while (pending.length > 0) {
    const name = pending.pop();
    if (name === undefined || name === "" || name === ".") continue;
    if (tree.entries.get(current)?.type !== "directory") return undefined;
    const next = name === ".." ? parentOf(current) : join(current, name);
    const target = tree.entries.get(next)?.linkTarget;
    if (target === undefined) {
      current = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    pending.push(...target.split("/").toReversed());
    if (target.startsWith("/")) current = "/";
  }
  return tree.entries.get(current);
}

function parentOf(path: string): string {
  return `/${componentsOf(path).slice(0, -1).join("/")}`;
}

function join(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}
