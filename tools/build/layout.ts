/** The installed layout, the same under `dist/` and under PREFIX: `bin/*` and `lib/inclavare/*`. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LAUNCHED } from "./compile.ts";

/**
 * Writes one starter for each app that has no launcher in C. A shell line rather than a `#!` line to Node: the
 * caller's NODE_OPTIONS must not reach our process, and Node needs flags (not `--disable-sigusr1`: it blocks the signal, and
 * runc and the container would inherit that).
 */
export function writeStarters(prefix: string, library: string, names: readonly string[]): void {
  const bin = join(prefix, "bin");
  mkdirSync(bin, { recursive: true });
  for (const name of names.filter((app) => !isLaunched(app))) {
    const line = `exec '${library}/node' --disable-warning=ExperimentalWarning '${library}/${name}.mjs' "$@"`;
    const starter = join(bin, commandName(name));
    rmSync(starter, { force: true });
    writeFileSync(starter, `#!/bin/sh\nunset NODE_OPTIONS\n${line}\n`, { mode: 0o755 });
    chmodSync(starter, 0o755);
  }
}

function isLaunched(app: string): boolean {
  return LAUNCHED.some((name) => name === app);
}

/** An app is called what its folder is called, but for the shim, whose name containerd makes from the runtime's type. */
export function commandName(app: string): string {
  return app === "shim-rune" ? "containerd-shim-rune-v2" : app;
}

export function linkFile(from: string, to: string): void {
  rmSync(to, { force: true });
  symlinkSync(from, to);
}

/** Copies `lib/inclavare` with every link followed, so that the installed tree needs nothing else. */
export function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    else copyFileSync(source, target);
  }
}
