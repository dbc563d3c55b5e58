import { defineCommand } from "@inclavare/cli";
import { writeBundle } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { referenceOption } from "../options/conversion.ts";
import { jsonOptions, printResult } from "../options/output.ts";

export const bundleCommand = defineCommand({
  name: "bundle",
  summary: "unpacks a signed TEE image to an OCI bundle, ready for rune run",
  positionals: ["DIR"],
  options: {
    output: { type: "string", short: "o", value: "BUNDLE", help: "the bundle: config.json and rootfs" },
    ...referenceOption,
    ...jsonOptions,
  },
  notes: "The bundle asks for enclave.type=simulated and enclave.runtime.path=wasm.",
  async run({ stdout, values, positionals: [path = ""] }) {
    const { output, reference } = values;
    if (output === undefined) throw new InclavareError("ERR_USAGE", "bundle: -o BUNDLE is missing");
    await writeBundle(path, output, reference === undefined ? {} : { reference });
    printResult(stdout, values, { json: { bundle: output }, rows: [["bundle", output]] });
  },
});
