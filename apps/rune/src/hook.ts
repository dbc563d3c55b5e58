import { readFileSync, writeSync } from "node:fs";
import { findProgram, parseWrappedHook, withBundle } from "@inclavare/container";
import { createMemfd, replaceDescriptor } from "@inclavare/linux";
import { replaceProcess } from "./handover.ts";

/**
 * Becomes a lifecycle hook, with the caller's bundle in the state on its standard input. No process stays between: runc
 * waits for the hook itself, and its time limit ends the hook itself.
 */
export function runHook(args: readonly string[], env: NodeJS.ProcessEnv): never {
  const { bundle, path, args: argv } = parseWrappedHook(args);
  const state = createMemfd("state");
  // At a position, so that reading starts at the beginning.
  writeSync(state, withBundle(readFileSync(0, "utf8"), bundle), 0);
  replaceDescriptor(state, 0);
  replaceProcess(findProgram(path, undefined), argv, env);
}
