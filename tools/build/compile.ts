/** What is in C: programs that must start in a millisecond or have no library beside them, and what only C can do. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** @param more further sources, and flags */
export function compileStatic(source: string, target: string, ...more: readonly string[]): void {
  compile(["-static", ...more], source, target);
}

/** bin/rune, which starts Node.js only where there is need for it. */
export function compileLauncher(root: string, target: string): void {
  const folder = join(root, "apps", "rune", "launcher");
  compileStatic(join(folder, "launcher.c"), target, join(folder, "config.c"));
}

export function compileShared(source: string, target: string, ...flags: readonly string[]): void {
  compile(["-shared", "-fPIC", ...flags], source, target);
}

function compile(flags: readonly string[], source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  execFileSync("cc", ["-O2", "-Wall", "-Wextra", "-Werror", ...flags, "-o", target, source], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  execFileSync("strip", ["--strip-unneeded", target]);
  chmodSync(target, 0o755);
}
