import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";
import { ELF_LIMIT_BYTES, type ElfFile, readElf } from "./elf-file.ts";

/**
 * Reads a library from a file. A pipe or a device is refused, never waited for.
 * @throws ERR_PAL_NOT_FOUND when it is not there, ERR_PAL_NOT_LIBRARY, ERR_PAL_ARCHITECTURE
 */
export function readLibraryFile(path: string): ElfFile {
  return readElf(readLibraryBytes(path), path);
}

/** @throws ERR_PAL_NOT_FOUND when it is not there, ERR_PAL_NOT_LIBRARY when it cannot be read or is too large */
export function readLibraryBytes(path: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new InclavareError("ERR_PAL_NOT_LIBRARY", `${path} is not a file`);
    if (stats.size > ELF_LIMIT_BYTES) {
      const message = `${path} has ${stats.size} bytes, libraries of at most ${ELF_LIMIT_BYTES} are read`;
      throw new InclavareError("ERR_PAL_NOT_LIBRARY", message);
    }
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const isMissing = code === "ENOENT" || code === "ENOTDIR";
    if (isMissing) throw new InclavareError("ERR_PAL_NOT_FOUND", `${path} does not exist`, { cause });
    throw new InclavareError("ERR_PAL_NOT_LIBRARY", `${path} cannot be read`, { cause });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
