import { readFileSync, type Stats, statSync } from "node:fs";

/** How the host's files are looked at; a parameter, so that tests can have another machine. */
export interface HostFiles {
  stat(path: string): Stats | undefined;
  /** @returns undefined for what is not there, or cannot be read */
  read(path: string): string | undefined;
}

export const hostFiles: HostFiles = {
  stat: (path) => statSync(path, { throwIfNoEntry: false }),
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
};
