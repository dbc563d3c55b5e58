import { mkdirSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { InclavareError, isInclavareError } from "@inclavare/errors";

const SYSTEM_DIRECTORY = "/var/lib/inclavare/shelter";

/** `$XDG_STATE_HOME/inclavare/shelter` where that variable is set, else the system's place. */
export function defaultStateDirectory(environment: NodeJS.ProcessEnv): string {
  const base = environment["XDG_STATE_HOME"];
  return base !== undefined && isAbsolute(base) ? join(base, "inclavare", "shelter") : SYSTEM_DIRECTORY;
}

/**
 * Makes the state directory, or checks the one that is there: it holds a key, so it must be its owner's alone.
 * @throws InclavareError ERR_FILE, ERR_STATE_DIRECTORY
 */
export function prepareStateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const mode = statSync(directory).mode & 0o777;
    if ((mode & 0o077) === 0) return;
    const message = `state directory ${directory} has mode ${mode.toString(8)}, expected 700`;
    throw new InclavareError("ERR_STATE_DIRECTORY", message);
  } catch (error) {
    if (isInclavareError(error)) throw error;
    throw new InclavareError("ERR_FILE", `cannot prepare state directory ${directory}`, { cause: error });
  }
}
