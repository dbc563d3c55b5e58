import { execFileSync } from "node:child_process";
import { closeSync, existsSync } from "node:fs";
import { connectUnix } from "@inclavare/linux";
import type { Machine } from "./check.ts";

/** The machine that this runs on. */
export function thisMachine(environment: NodeJS.ProcessEnv): Machine {
  return {
    nodeVersion: process.version,
    uid: process.getuid?.() ?? -1,
    searchPath: environment["PATH"],
    exists: existsSync,
    run: (program, args, timeout) => execFileSync(program, args, { encoding: "utf8", timeout, stdio: "pipe" }),
    connect: (path, timeoutMs) => closeSync(connectUnix(path, { timeoutMs })),
  };
}
