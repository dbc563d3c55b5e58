/** The few programs in C, for which a process must start in a millisecond or run without any library beside it. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

export function compileStatic(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  execFileSync("cc", ["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", target, source], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  execFileSync("strip", [target]);
  chmodSync(target, 0o755);
}
