import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Compiles a C program that needs nothing of the root file system it runs in. @returns its bytes */
export function compile(source: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "inclavare-compile-"));
  try {
    const program = join(folder, "program");
    execFileSync("cc", ["-static", "-O1", "-x", "c", "-o", program, "-"], { input: source });
    return readFileSync(program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
