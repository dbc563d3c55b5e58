import { writeFileSync } from "node:fs";
import { defineCommand } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { openPlatform } from "@inclavare/sgx-sim";
import { settings, settingsOptions } from "../settings.ts";

export const rootCommand = defineCommand({
  name: "root",
  summary: "prints the simulated platform's root certificate, for a verifier's --trust",
  positionals: [],
  options: {
    ...settingsOptions,
    output: { type: "string", short: "o", value: "FILE", help: "write it there instead" },
  },
  async run({ values, stdout }) {
    const { rootCertificatePem } = openPlatform(settings(values).platformDirectory);
    if (values.output === undefined) stdout.write(rootCertificatePem);
    else writeNew(values.output, rootCertificatePem);
  },
});

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx", mode: 0o644 });
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot write ${path}`, { cause });
  }
}
