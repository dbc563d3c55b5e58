import { once } from "node:events";
import { closeSync, writeSync } from "node:fs";
import { defineCommand, type Output } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { openPlatform } from "@inclavare/sgx-sim";
import { createDaemon } from "../daemon.ts";
import { Launcher } from "../launch.ts";
import { type EvidenceProvider, guestProvider, simulatedProvider } from "../provider.ts";
import { type Settings, settings, settingsOptions } from "../settings.ts";

export const serveCommand = defineCommand({
  name: "serve",
  summary: "measures containers at launch and gives evidence of them, until SIGTERM",
  positionals: [],
  options: {
    ...settingsOptions,
    socket: { type: "string", value: "PATH", help: "where to listen (default: from the configuration)" },
    payload: { type: "string", value: "DIR", help: "the runtime payload (default: from the configuration)" },
    evidence: {
      type: "string",
      choices: ["simulated", "tsm"],
      help: "the simulated platform's, or the hardware's of this guest (default: from the configuration)",
    },
    "ready-fd": { type: "string", value: "N", help: "write a line to this descriptor once it listens, and close it" },
  },
  async run({ values, stderr }) {
    if (process.getuid?.() !== 0)
      throw new InclavareError("ERR_PRIVILEGE", "the platform's keys are root's: run it as root");
    const chosen = settings(values);
    const { socketPath, payloadDirectory } = chosen;
    const provider = await openProvider(chosen);
    const launcher = new Launcher(provider, payloadDirectory);
    const log = createLog(stderr);
    await using _daemon = await createDaemon({ socketPath, launcher, log });
    log("attesterd listens", { socket: socketPath, tee: provider.tee });
    announce(values["ready-fd"], socketPath);
    await Promise.race(["SIGTERM", "SIGINT"].map(async (signal) => await once(process, signal)));
    log("attesterd stops", {});
  },
});

/** The hardware is asked once before anybody is let in: a guest that has none ends here. */
async function openProvider({ evidence, tsmDirectory, platformDirectory }: Settings): Promise<EvidenceProvider> {
  if (evidence === "simulated") return simulatedProvider(openPlatform(platformDirectory));
  const { openTsmQuoter } = await import("@inclavare/attestation/attesters");
  return guestProvider(await openTsmQuoter({ directory: tsmDirectory }));
}

function announce(descriptor: string | undefined, socketPath: string): void {
  if (descriptor === undefined) return;
  const fd = Number(descriptor);
  if (!Number.isSafeInteger(fd) || fd < 3)
    throw new InclavareError("ERR_USAGE", `--ready-fd is ${descriptor}, expected a descriptor from 3 on`);
  writeSync(fd, `${JSON.stringify({ socket: socketPath })}\n`);
  closeSync(fd);
}

/** logfmt lines, as the daemons beside it write them. */
function createLog(output: Output): (message: string, fields: Readonly<Record<string, string | number>>) => void {
  return (message, fields) => {
    const pairs = Object.entries({ time: new Date().toISOString(), level: "info", msg: message, ...fields });
    output.write(`${pairs.map(([key, value]) => `${key}=${quoted(value)}`).join(" ")}\n`);
  };
}

function quoted(value: string): string {
  return /[\s"=]/u.test(value) ? JSON.stringify(value) : value;
}
