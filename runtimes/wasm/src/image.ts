import type { AppImage } from "@inclavare/enclave-image";
import type { TreeEntry } from "./fs/populate.ts";

/**
 * The image's entries with contents that all workers share. Contents that already lie in shared memory stay where they
 * are; others are copied into it once.
 */
export function shareImage(image: AppImage): TreeEntry[] {
  return [...image.entries.values()].map((entry): TreeEntry => {
    const { path, mtimeSeconds } = entry;
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
