import { randomUUID } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";

/** Writes a file (mode 0600) that appears whole or not at all, in place of one that is there. @throws InclavareError ERR_FILE */
export function writeWhole(path: string, content: string): void {
  const draft = `${path}.${randomUUID()}`;
  try {
    writeFileSync(draft, content, { mode: 0o600, flag: "wx" });
    renameSync(draft, path);
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot write ${path}`, { cause });
  } finally {
    rmSync(draft, { force: true });
  }
}
