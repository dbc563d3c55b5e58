import { randomUUID } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";

const BLOBS = join("blobs", "sha256");

/**
 * Replaces the image in a layout directory by another. The index is exchanged at one moment, so that whoever reads
 * meanwhile, or after a crash, finds the old image or the new one; at worst blobs are left that nothing names.
 * @param write writes the new layout to the directory that it is given.
 * @throws ERR_FILE, and what `write` throws; then the old image is as it was.
 */
export async function replaceLayout(directory: string, write: (temporary: string) => Promise<unknown>): Promise<void> {
  const temporary = join(directory, `.replacing-${randomUUID()}`);
  const added: string[] = [];
  let done = false;
  try {
    await write(temporary);
    const before = new Set(await readdir(join(directory, BLOBS)));
    const wanted = new Set(await readdir(join(temporary, BLOBS)));
    for (const name of wanted) {
      if (before.has(name)) continue;
      added.push(name);
      await rename(join(temporary, BLOBS, name), join(directory, BLOBS, name));
    }
    await rename(join(temporary, "index.json"), join(directory, "index.json"));
    done = true;
    for (const name of before) if (!wanted.has(name)) await rm(join(directory, BLOBS, name));
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    throw new InclavareError("ERR_FILE", `the image in ${directory} could not be replaced`, { cause });
  } finally {
    if (!done) for (const name of added) await rm(join(directory, BLOBS, name), { force: true });
    await rm(temporary, { recursive: true, force: true });
  }
}
