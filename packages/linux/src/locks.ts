import { check, EAGAIN, EINTR, lastErrno, libcFunction } from "./native.ts";

const LOCK_NB = 4;
const LOCK_UN = 8;
const LOCKS = { shared: 1, exclusive: 2 } as const;
export type FileLock = keyof typeof LOCKS;

/**
 * flock(2) without waiting. The lock belongs to the open file, not to the process: two descriptors of one process contend
 * as well, and closing the descriptor, or the process's death, frees it. A lock that the descriptor has is converted.
 * @returns whether it is held now; where it is not, one that was to be converted may be lost.
 */
export function tryLockFile(descriptor: number, lock: FileLock): boolean {
  return flock(descriptor, LOCKS[lock] | LOCK_NB);
}

export function unlockFile(descriptor: number): void {
  flock(descriptor, LOCK_UN);
}

function flock(descriptor: number, operation: number): boolean {
  const call = libcFunction("int flock(int fd, int operation)");
  for (;;) {
    const result = call(descriptor, operation);
    if (result === 0) return true;
    const errno = lastErrno();
    if (errno === EAGAIN) return false;
    if (errno !== EINTR) check("flock", result);
  }
}
