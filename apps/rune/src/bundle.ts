import { realpathSync } from "node:fs";
import { lastValue, type ParsedFlags } from "./parse.ts";

/**
 * The bundle that a command line names, absolute, as runc finds it when it changes into it: links come before any `..`. A
 * bundle that is not there stays as it is written, for whoever opens it to refuse.
 */
export function bundleOf(flags: ParsedFlags): string {
  const written = lastValue(flags, "bundle") ?? "";
  const bundle = written === "" ? "." : written;
  try {
    return realpathSync.native(bundle);
  } catch {
    return bundle;
  }
}
