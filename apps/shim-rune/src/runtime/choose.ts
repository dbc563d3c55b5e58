import { type Config, type RuncLogEntry } from "@inclavare/container";
import type { Log } from "../daemon/log.ts";
import type { ChooseRuntime } from "../task/create.ts";
import { PlainRuntime } from "./plain.ts";
import { runcOptions } from "./settings.ts";

/** What makes a container, by what its bundle asks for. */
export function chooseRuntime(context: {
  readonly config: Config;
  readonly namespace: string;
  readonly path: string | undefined;
  readonly log: Log;
}): ChooseRuntime {
  const { config, namespace, path, log } = context;
  const tell = ({ level, msg }: RuncLogEntry): void => log.write(level === "warning" ? "warning" : "debug", msg);
  return async (options) => new PlainRuntime(runcOptions(config, options, { namespace, path, log: tell }));
}
