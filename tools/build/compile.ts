/** What is in C: programs that must start in a millisecond or have no library beside them, and what only C can do. */
import { execFileSync } from "node:child_process";
import { chmodSync, globSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** @param more further sources, and flags */
export function compileStatic(source: string, target: string, ...more: readonly string[]): void {
  compile(["-static", ...more], source, target);
}

/** The apps whose command starts Node.js only where there is need for it. */
export const LAUNCHED = ["rune", "shim-rune"] as const;

/** An app's launcher, from all that lies in its folder; both know rune's configuration and state. */
export function compileLauncher(root: string, app: (typeof LAUNCHED)[number], target: string): void {
  const sources = (name: string, pattern: string): string[] => globSync(join(root, "apps", name, "launcher", pattern));
  const [main = ""] = sources(app, "launcher.c");
  const others = sources(app, "*.c").filter((source) => source !== main);
  const shared = app === "rune" ? [] : sources("rune", "{config,state}.c");
  compileStatic(main, target, ...others.toSorted(), ...shared.toSorted());
}

/** @param flags and further sources */
export function compileShared(source: string, target: string, ...flags: readonly string[]): void {
  compile(["-shared", "-fPIC", ...flags], source, target);
}

/** The smallest PAL, once for each version of the API. */
export function compileSkeletons(root: string, directory: string): void {
  const [first = "", ...others] = globSync(join(root, "runtimes", "skeleton", "*.c")).toSorted();
  const include = `-I${join(root, "packages", "pal", "include")}`;
  for (const version of [1, 2, 3]) {
    const target = join(directory, `liberpal-skeleton-v${version}.so`);
    compileShared(first, target, "-pthread", include, `-DLIBERPAL_API_VERSION=${version}`, ...others);
  }
}

function compile(flags: readonly string[], source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  execFileSync("cc", ["-O2", "-Wall", "-Wextra", "-Werror", ...flags, "-o", target, source], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  execFileSync("strip", ["--strip-unneeded", target]);
  chmodSync(target, 0o755);
}
