import { check, EINTR, lastErrno, libcFunction } from "./native.ts";

/** Fills bytes from the kernel's generator: getrandom(2), for code that must not wait for node:crypto to load. */
export function fillRandom(bytes: Uint8Array): void {
  const getrandom = libcFunction("long getrandom(void *buffer, size_t length, uint flags)");
  for (let at = 0; at < bytes.length;) {
    const count = getrandom(bytes.subarray(at), bytes.length - at, 0);
    if (count === -1 && lastErrno() === EINTR) continue;
    at += check("getrandom", count);
  }
}
