import { resolve } from "node:path";
import { type Config, installation, loadConfig } from "@inclavare/container";
import { Log } from "./log.ts";
import { type Invocation, isOn, lastValue, type ParsedFlags } from "./parse.ts";

/** What a command works with; everything that comes from the process itself is in here. */
export interface Context {
  readonly invocation: Invocation;
  /** The command line as it came, for runc. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly config: Config;
  /** runc's root, absolute: the namespace of ids. */
  readonly root: string;
  readonly log: Log;
}

const RUNC_ROOT = "/run/runc";

export function createContext(argv: readonly string[], invocation: Invocation, env: NodeJS.ProcessEnv): Context {
  const root = resolve(lastValue(invocation.globals, "root") ?? RUNC_ROOT);
  return { invocation, argv, env, config: readConfig(env), root, log: createLog(invocation) };
}

/** Made before anything that can fail, so that whatever fails is in it. */
export function createLog({ globals }: Invocation): Log {
  const json = lastValue(globals, "log-format") === "json";
  return new Log({
    file: lastValue(globals, "log"),
    format: json ? "json" : "text",
    stderr: process.stderr,
    now: () => new Date(),
  });
}

function readConfig(env: NodeJS.ProcessEnv): Config {
  return loadConfig(env["INCLAVARE_CONFIG"], { payload: installation().payload });
}

/** Whether `--debug` or `--log-level` asks for more than warnings and errors. */
export function isVerbose(globals: ParsedFlags): boolean {
  return isOn(globals, "debug") || ["debug", "trace"].includes(lastValue(globals, "log-level") ?? "");
}

/** Global flags that runc needs as well when we call it; root and log are ours to set. */
export function runcFlags({ globals }: Invocation): string[] {
  const rootless = lastValue(globals, "rootless");
  return [
    ...(isVerbose(globals) ? ["--debug"] : []),
    ...(isOn(globals, "systemd-cgroup") ? ["--systemd-cgroup"] : []),
    ...(rootless === undefined ? [] : ["--rootless", rootless]),
  ];
}
