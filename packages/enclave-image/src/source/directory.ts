import { constants, type Dirent } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import type { AppImageInput } from "../app-image/types.ts";
import type { SourceTree } from "./image-tree.ts";

/**
 * The files below a directory, such as the root file system of a bundle. No link is followed. Only what has contents has
 * a time: directories, links and the empty files that are mount points are made anew for each container of an image.
 * @throws ERR_FILE
 */
export async function sourceFromDirectory(directory: string): Promise<SourceTree> {
  const entries = new Map<string, AppImageInput>();
  const skipped: string[] = [];
  try {
    entries.set("/", await describe(directory, "/", "directory"));
    await visit(directory, "", entries, skipped);
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    throw new InclavareError("ERR_FILE", `the files in ${directory} cannot be read`, { cause });
  }
  return { entries, skipped };
}

async function visit(
  directory: string,
  folder: string,
  entries: Map<string, AppImageInput>,
  skipped: string[],
): Promise<void> {
  for (const child of await readdir(join(directory, folder), { withFileTypes: true })) {
    const path = `${folder}/${child.name}`;
    const type = typeOf(child);
    if (type === undefined) {
      skipped.push(path);
      continue;
    }
    entries.set(path, await describe(directory, path, type));
    if (type === "directory") await visit(directory, path, entries, skipped);
  }
}

function typeOf(child: Dirent): AppImageInput["type"] | undefined {
  if (child.isFile()) return "file";
  if (child.isDirectory()) return "directory";
  return child.isSymbolicLink() ? "symlink" : undefined;
}

async function describe(directory: string, path: string, type: AppImageInput["type"]): Promise<AppImageInput> {
  const name = join(directory, path);
  const { mode, uid, gid, mtimeMs, size } = await lstat(name);
  return {
    path,
    type,
    mode: mode & 0o7777,
    uid,
    gid,
    mtimeSeconds: type === "file" && size > 0 ? Math.floor(mtimeMs / 1000) : 0,
    sizeBytes: type === "file" ? size : 0,
    ...(type === "symlink" ? { target: await readlink(name) } : {}),
    read: () => (type === "file" ? readWhole(name) : Promise.resolve(new Uint8Array())),
  };
}

async function readWhole(name: string): Promise<Uint8Array> {
  try {
    const file = await open(name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `${name} cannot be read`, { cause });
  }
}
