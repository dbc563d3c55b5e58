import { loadNative, type NativeLibrary } from "@inclavare/linux";

export type Handle = ReturnType<NativeLibrary["load"]>;

const loaded = new Set<Handle>();

/**
 * Loads a library that stays: koffi unloads one whose handle is collected, while threads may still run in it, and
 * signal handlers point to it.
 */
export function loadForGood(path: string): Handle {
  const handle = loadNative().load(path);
  loaded.add(handle);
  return handle;
}
