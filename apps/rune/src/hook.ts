import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { parseWrappedHook, withBundle } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";

/** Runs a lifecycle hook as runc would, but with the caller's bundle in the state on its standard input. */
export function runHook(args: readonly string[]): number {
  const { bundle, path, args: argv } = parseWrappedHook(args);
  const input = withBundle(readFileSync(0, "utf8"), bundle);
  const { status, signal, error } = spawnSync(path, argv.slice(1), {
    argv0: argv[0] ?? path,
    input,
    stdio: ["pipe", "inherit", "inherit"],
  });
  if (error !== undefined && status === null && signal === null)
    throw new InclavareError("ERR_HOOK", `cannot run the hook ${path}`, { cause: error });
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
