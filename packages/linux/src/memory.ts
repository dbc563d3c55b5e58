import { libcFunction } from "./native.ts";

/**
 * Gives back to the kernel what this process does not need just now: garbage and compiled code (only where Node was started
 * with --expose-gc), and the free memory of the C library's heap. Blocks for some ten milliseconds.
 */
export function returnMemory(): void {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  libcFunction("int malloc_trim(ulong pad)")(0);
}
