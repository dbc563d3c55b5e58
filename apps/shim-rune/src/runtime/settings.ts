import { join } from "node:path";
import { type Config, findProgram, installation, type RuncLogEntry, type RuncOptions } from "@inclavare/container";
import type { ShimOptions } from "../options.ts";

/** Where the state of the low-level runtime lies when the options do not say. */
const DEFAULT_ROOT = "/run/containerd/runc";

/** The low-level runtime as one namespace's containers use it. It dies with us. @throws ERR_RUNC_MISSING */
export function runcOptions(
  config: Config,
  options: Pick<ShimOptions, "binaryName" | "root" | "systemdCgroup">,
  { namespace, path, log }: { namespace: string; path: string | undefined; log: (entry: RuncLogEntry) => void },
): RuncOptions {
  return {
    program: findProgram(options.binaryName === "" ? config.rune.runtime : options.binaryName, path),
    root: join(options.root === "" ? DEFAULT_ROOT : options.root, namespace),
    flags: options.systemdCgroup ? ["--systemd-cgroup"] : [],
    log,
    launcher: [join(installation().bin, "containerd-shim-rune-v2"), "tied", String(process.pid)],
  };
}
