import { readFileSync } from "node:fs";

/**
 * A random UUID from the kernel (random(4)), for names of temporary files: what has so little to do must not wait for
 * node:crypto to load. Not for secrets.
 */
export function randomUuid(): string {
  return readFileSync("/proc/sys/kernel/random/uuid", "latin1").trim();
}
