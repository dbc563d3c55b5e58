import { closeSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { isInclavareError } from "@inclavare/errors";
import { connectUnix, listenUnix, pollDescriptors } from "@inclavare/linux";

const CONNECT_MS = 100;

/**
 * Listens at the path, which nobody sees before it is listened at.
 * @returns undefined when somebody answers there already.
 */
export function claimSocket(path: string): number | undefined {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = join(dirname(path), `.${process.pid}`);
  const listener = listenUnix(temporary, { mode: 0o600 });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        linkSync(temporary, path);
        return listener;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 2) throw error;
        if (answers(path)) {
          closeSync(listener);
          return undefined;
        }
        rmSync(path, { force: true }); // of a shim that was killed
      }
    }
  } catch (error) {
    closeSync(listener);
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Whether somebody listens at a socket, or may: one whose backlog is full is alive.
 * @param staysMs for how long a connection must stay open: a dying shim's ends.
 */
export function answers(path: string, staysMs: number = 0): boolean {
  let connection: number;
  try {
    connection = connectUnix(path, { timeoutMs: CONNECT_MS });
  } catch (error) {
    const errno = isInclavareError(error) ? error.details["errno"] : undefined;
    return errno !== "ECONNREFUSED" && errno !== "ENOENT";
  }
  const [seen] = staysMs === 0 ? [] : pollDescriptors([{ fd: connection, readable: true }], staysMs);
  closeSync(connection);
  return seen === undefined || !(seen.readable || seen.hangup);
}
