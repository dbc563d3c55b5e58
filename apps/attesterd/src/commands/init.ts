import { X509Certificate } from "node:crypto";
import { defineCommand } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { createPlatform } from "@inclavare/sgx-sim";
import { settings, settingsOptions } from "../settings.ts";

export const initCommand = defineCommand({
  name: "init",
  summary: "creates this machine's simulated platform, once",
  positionals: [],
  options: settingsOptions,
  async run({ values, stdout }) {
    if (process.getuid?.() !== 0)
      throw new InclavareError("ERR_PRIVILEGE", "the platform's keys are to be root's: run it as root");
    const { platformDirectory } = settings(values);
    const platform = await createPlatform(platformDirectory, { now: new Date() });
    const { fingerprint256 } = new X509Certificate(platform.rootCertificatePem);
    stdout.write(
      `simulated platform in ${platformDirectory}\nroot certificate SHA-256 ${fingerprint256.replaceAll(":", "").toLowerCase()}\n`,
    );
  },
});
