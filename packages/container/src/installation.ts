import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the parts of this installation lie. */
export interface Installation {
  readonly bin: string;
  readonly payload: string;
  readonly examples: string;
}

/** Found from where this very code lies: in the installed bundle, or, in development, in the sources beside `dist/`. */
export function installation(): Installation {
  const here = dirname(fileURLToPath(import.meta.url));
  const library = import.meta.url.endsWith(".ts") ? join(here, "..", "..", "..", "dist", "lib", "inclavare") : here;
  return {
    bin: join(library, "..", "..", "bin"),
    payload: join(library, "payload"),
    examples: join(library, "examples"),
  };
}
