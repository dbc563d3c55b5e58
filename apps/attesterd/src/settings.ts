import type { OptionTable } from "@inclavare/cli";
import { installation, loadConfig } from "@inclavare/container";

export const settingsOptions = {
  platform: { type: "string", value: "DIR", help: "the simulated platform (default: from the configuration)" },
} as const satisfies OptionTable;

export interface Settings {
  readonly platformDirectory: string;
  readonly socketPath: string;
  readonly payloadDirectory: string;
  /** Whose evidence is given. */
  readonly evidence: "simulated" | "tsm";
  /** configfs-tsm, where evidence is the hardware's. */
  readonly tsmDirectory: string;
}

/** Flags win over the configuration file, which wins over the defaults. */
export function settings(values: {
  readonly platform: string | undefined;
  readonly socket?: string | undefined;
  readonly payload?: string | undefined;
  readonly evidence?: string | undefined;
}): Settings {
  const config = loadConfig(process.env["INCLAVARE_CONFIG"], { payload: installation().payload });
  return {
    platformDirectory: values.platform ?? config.attesterd.platform,
    socketPath: values.socket ?? config.attesterd.socket,
    payloadDirectory: values.payload ?? config.rune.payload,
    evidence: (values.evidence ?? config.attesterd.evidence) === "tsm" ? "tsm" : "simulated",
    tsmDirectory: config.attesterd.tsm,
  };
}
