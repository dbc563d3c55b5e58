import { InclavareError } from "@inclavare/errors";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/**
 * Fills a new directory beside `directory` and renames it into place when `fill` is done, so that nobody ever sees half
 * of it, and nothing is left when it fails.
 * @throws ERR_OCI_TARGET_EXISTS when there is something at `directory` other than an empty directory; ERR_FILE
 */
export async function fillDirectory(directory: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const target = resolve(directory);
  await assertFree(target);
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    // Closed to others until it is complete: while files are written, nobody may put a link among them.
    await mkdir(temporary, { mode: 0o700 });
    await fill(temporary);
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    if (cause instanceof InclavareError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") throw exists(target);
    throw new InclavareError("ERR_FILE", `${target} could not be written`, { cause });
  }
}

/** Gives a directory its final mode, whatever the umask. */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  await chmod(path, mode);
}

async function assertFree(target: string): Promise<void> {
  try {
    if ((await readdir(target)).length === 0) return;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code !== "ENOTDIR") throw new InclavareError("ERR_FILE", `${target} could not be read`, { cause });
  }
  throw exists(target);
}

function exists(target: string): InclavareError {
  return new InclavareError("ERR_OCI_TARGET_EXISTS", `${target} exists and is not an empty directory`);
}
