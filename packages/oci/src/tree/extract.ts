import { InclavareError } from "@inclavare/errors";
import { constants } from "node:fs";
import { chmod, lchown, link, lutimes, mkdir, open, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { fillDirectory } from "../layout/target.ts";
import type { FileTree, TreeEntry } from "./types.ts";

export interface ExtractOptions {
  /**
   * What to do with device nodes, pipes and extended attributes, which Node cannot create: `refuse` (the default)
   * before anything is written, or `skip`.
   */
  readonly unsupported?: "refuse" | "skip";
  /** Whether files get the owners that the tree states; default: when running as root. */
  readonly owners?: boolean;
}

/**
 * Writes a tree to a directory that is missing or empty; it appears complete or not at all.
 *
 * Symbolic links are made last, when everything else is in place, so none is ever followed. Without owners, set-user
 * and set-group bits are left off: they would give the rights of whoever extracts.
 * @returns the paths of what was skipped, and of entries whose extended attributes were.
 * @throws ERR_OCI_TARGET_EXISTS, ERR_OCI_EXTRACT, ERR_OCI_CLOSED, ERR_FILE
 */
export async function extractTree(
  tree: Pick<FileTree, "entries">,
  directory: string,
  { unsupported = "refuse", owners = process.getuid?.() === 0 }: ExtractOptions = {},
): Promise<readonly string[]> {
  const all = [...tree.entries.values()];
  const skipped = all.filter((entry) => isSpecial(entry) || entry.xattrs.size > 0).map(({ path }) => path);
  if (skipped.length > 0 && unsupported === "refuse") {
    throw new InclavareError(
      "ERR_OCI_EXTRACT",
      `${skipped.length} entries cannot be written with all they are, the first is ${skipped[0]}`,
      { details: { paths: skipped.slice(0, 20) } },
    );
  }
  await fillDirectory(directory, async (root) => {
    const directories = all.filter(({ type }) => type === "directory");
    for (const { path } of directories) if (path !== "/") await mkdir(join(root, path), { mode: 0o700 });
    const inodes = new Map<number, string>();
    const ordered = [...all.filter(({ type }) => type === "file"), ...all.filter(({ type }) => type === "symlink")];
    for (const entry of ordered) await writeLinked(root, entry, inodes, owners);
    // From the inside out: writing into a directory changes its time, and a read-only one could not be written to.
    for (const entry of directories.toReversed()) await finish(join(root, entry.path), entry, owners);
  });
  return skipped;
}

function isSpecial({ type }: TreeEntry): boolean {
  return type === "character-device" || type === "block-device" || type === "fifo";
}

async function writeLinked(
  root: string,
  entry: TreeEntry,
  inodes: Map<number, string>,
  owners: boolean,
): Promise<void> {
  const path = join(root, entry.path);
  const first = inodes.get(entry.inode);
  if (first !== undefined) {
    await link(first, path);
    return;
  }
  inodes.set(entry.inode, path);
  if (entry.type === "symlink") await writeSymlink(path, entry, owners);
  else await writeFile(path, entry, owners);
}

async function writeFile(path: string, entry: TreeEntry, owners: boolean): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600);
  try {
    for await (const chunk of entry.open()) await file.appendFile(chunk as Uint8Array);
    // The owner first, because changing it clears the set-id bits.
    if (owners) await file.chown(entry.uid, entry.gid);
    await file.chmod(modeOf(entry, owners));
    await file.utimes(entry.mtimeSeconds, entry.mtimeSeconds);
  } finally {
    await file.close();
  }
}

async function writeSymlink(path: string, entry: TreeEntry, owners: boolean): Promise<void> {
  await symlink(entry.linkTarget ?? "", path);
  if (owners) await lchown(path, entry.uid, entry.gid);
  await lutimes(path, entry.mtimeSeconds, entry.mtimeSeconds);
}

async function finish(path: string, entry: TreeEntry, owners: boolean): Promise<void> {
  if (owners) await lchown(path, entry.uid, entry.gid);
  await chmod(path, modeOf(entry, owners));
  await utimes(path, entry.mtimeSeconds, entry.mtimeSeconds);
}

function modeOf(entry: TreeEntry, owners: boolean): number {
  return owners ? entry.mode : entry.mode & 0o1777;
}
