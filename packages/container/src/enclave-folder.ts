import { lstatSync, type Stats } from "node:fs";
import { join } from "node:path";
import { APP_IMAGE_FILE, ENCLAVE_DIRECTORY, MANIFEST_FILE, SIGSTRUCT_FILE } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";

/**
 * Finds the enclave's files in a TEE image's root file system.
 * @returns undefined for an ordinary image, which has no such folder.
 * @throws ERR_ENCLAVE_FILES when something is missing, or a link could lead out of the image.
 */
export function findEnclaveFolder(rootfs: string): string | undefined {
  const folder = join(rootfs, ENCLAVE_DIRECTORY);
  const stats = statOf(folder);
  if (stats === undefined) return undefined;
  if (!stats.isDirectory()) throw new InclavareError("ERR_ENCLAVE_FILES", `${folder} is not a directory`);
  for (const name of [MANIFEST_FILE, APP_IMAGE_FILE, SIGSTRUCT_FILE]) {
    const file = statOf(join(folder, name));
    if (file === undefined) throw new InclavareError("ERR_ENCLAVE_FILES", `${join(folder, name)} is missing`);
    if (!file.isFile()) throw new InclavareError("ERR_ENCLAVE_FILES", `${join(folder, name)} is not a regular file`);
  }
  return folder;
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new InclavareError("ERR_ENCLAVE_FILES", `cannot look at ${path}`, { cause });
  }
}
