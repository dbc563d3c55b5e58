import type { TreeEntry } from "./fs/populate.ts";

/** One entry of an application image. @see @inclavare/enclave-image */
export interface ImageEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly mtimeSeconds: number;
  readonly target?: string;
}

/** The part of an application image that this runtime reads. @see @inclavare/enclave-image, AppImage */
export interface ImageSource<Entry extends ImageEntry> {
  readonly entries: ReadonlyMap<string, Entry>;
  read(entry: Entry): Uint8Array;
}

/**
 * The image's entries with contents that all workers share. Contents that already lie in shared memory stay where they
 * are; others are copied into it once.
 */
export function shareImage<Entry extends ImageEntry>(image: ImageSource<Entry>): TreeEntry[] {
  return [...image.entries].map(([path, entry]) => {
    const { mtimeSeconds } = entry;
    if (entry.type === "directory") return { type: "directory", path, mtimeSeconds };
    if (entry.type === "symlink") return { type: "symlink", path, mtimeSeconds, target: entry.target ?? "" };
    return { type: "file", path, mtimeSeconds, bytes: share(image.read(entry)) };
  });
}

function share(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
