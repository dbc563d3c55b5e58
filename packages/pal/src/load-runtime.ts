import { isAbsolute } from "node:path";
import { InclavareError } from "@inclavare/errors";
import type { EnclaveRuntime } from "./enclave-runtime.ts";
import { Calls, type CallsOptions } from "./native/calls.ts";
import { DEADLINES_MS } from "./native/deadlines.ts";
import { openLibrary } from "./native/library.ts";
import { NativeRuntime, type NativeRuntimeOptions } from "./native/native-runtime.ts";

export type LoadOptions = CallsOptions & NativeRuntimeOptions;

/**
 * Finds an enclave runtime: one that is built in, by its name, or a PAL library (liberpal.h), by its absolute
 * path. Which paths may be loaded is for the caller to decide before.
 *
 * @param builtins makes the built-in runtimes; this package knows the interface only.
 * @param options for a library: deadlines, and where a crash in it is reported.
 * @throws ERR_PAL_NOT_FOUND, ERR_PAL_NOT_LIBRARY, ERR_PAL_ARCHITECTURE, ERR_PAL_LOAD, ERR_PAL_SYMBOL, ERR_PAL_VERSION,
 * ERR_DEADLINE
 */
export function loadRuntime(
  path: string,
  builtins: ReadonlyMap<string, () => EnclaveRuntime>,
  options: LoadOptions = {},
): EnclaveRuntime {
  const builtin = builtins.get(path);
  if (builtin !== undefined) return builtin();
  if (isAbsolute(path)) {
    const calls = new Calls(options);
    return new NativeRuntime(openLibrary(path, calls, { ...DEADLINES_MS, ...options.deadlinesMs }), calls, options);
  }
  const names = [...builtins.keys()].join(", ") || "none";
  const message = `enclave runtime is ${JSON.stringify(path)}, expected a built-in one (${names}) or an absolute path`;
  throw new InclavareError("ERR_PAL_NOT_FOUND", message);
}
