/** What is in C: programs that must start in a millisecond or have no library beside them, and what only C can do. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

export function compileStatic(source: string, target: string): void {
  compile(["-static"], source, target);
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
