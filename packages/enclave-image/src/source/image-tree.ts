import type { FileTree, TreeEntry } from "@inclavare/oci";
import type { AppImageInput } from "../app-image/types.ts";

/** The files of an application, by path, and what could not be taken along. */
export interface SourceTree {
  readonly entries: ReadonlyMap<string, AppImageInput>;
  /** Paths of device nodes and pipes: an application image has none. */
  readonly skipped: readonly string[];
}

/** The files of an ordinary image whose layers were applied. Extended attributes mean nothing to WASI and stay behind. */
export function sourceFromTree(tree: Pick<FileTree, "entries">): SourceTree {
  const entries = new Map<string, AppImageInput>();
  const skipped: string[] = [];
  for (const entry of tree.entries.values()) {
    const input = toInput(entry);
    if (input === undefined) skipped.push(entry.path);
    else entries.set(entry.path, input);
  }
  return { entries, skipped };
}

function toInput(entry: TreeEntry): AppImageInput | undefined {
  const { path, type, mode, uid, gid, mtimeSeconds, sizeBytes, linkTarget } = entry;
  if (type !== "file" && type !== "directory" && type !== "symlink") return undefined;
  return {
    path,
    type,
    mode,
    uid,
    gid,
    mtimeSeconds,
    sizeBytes: type === "file" ? sizeBytes : 0,
    ...(type === "symlink" ? { target: linkTarget ?? "" } : {}),
    read: () => entry.read(),
  };
}
