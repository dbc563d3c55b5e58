import { type Config, loadConfig, parseConfig } from "@inclavare/container";
import { formatOneLine } from "@inclavare/errors";
import { fail, type Finding, type Machine, pass } from "./check.ts";
import { CHECKS, CONFIG_FIX } from "./checks.ts";

export interface ExamineOptions {
  readonly machine: Machine;
  /** The configuration file; undefined: the default one, which may be missing. */
  readonly configPath: string | undefined;
  /** The payload where the configuration says nothing. */
  readonly payload: string;
}

/** Runs all checks. A configuration that cannot be read is a finding; the other checks then go by the defaults. */
export function examine({ machine, configPath, payload }: ExamineOptions): readonly Finding[] {
  const [config, finding] = readConfig(configPath, payload);
  return [finding, ...CHECKS.map((check) => check({ machine, config }))];
}

function readConfig(path: string | undefined, payload: string): [Config, Finding] {
  try {
    return [loadConfig(path, { payload }), pass("config", path ?? "the default file, or none: defaults")];
  } catch (error) {
    return [parseConfig("", "defaults", { payload }), fail("config", formatOneLine(error), CONFIG_FIX)];
  }
}
