import { defineCommand } from "@inclavare/cli";
import { convertImage, writeTeeImage } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { openImage } from "@inclavare/oci";
import { conversionOptions, readConversion, referenceOption } from "../options/conversion.ts";
import { jsonOptions, printResult } from "../options/output.ts";
import { optionalMeasurer, payloadOption } from "../options/payload.ts";

export const convertCommand = defineCommand({
  name: "convert",
  summary: "makes a TEE image of an ordinary one",
  positionals: ["IMAGE"],
  options: {
    output: { type: "string", short: "o", value: "DIR", help: "the TEE image, as an OCI layout" },
    ...referenceOption,
    ...conversionOptions,
    ...payloadOption,
    ...jsonOptions,
  },
  notes: [
    "IMAGE is an OCI layout (directory or archive) or an archive of docker save. DIR must be missing or empty.",
    "The same image and flags give the same bytes. The result is not signed yet: inclavare sign DIR --key PEM.",
  ].join("\n"),
  async run({ stdout, stderr, values, positionals: [path = ""] }) {
    const { output, reference } = values;
    if (output === undefined) throw new InclavareError("ERR_USAGE", "convert: -o DIR is missing");
    const named = reference === undefined ? {} : { reference };
    const options = readConversion(values);
    await using image = await openImage(path, named);
    const say = (step: string): unknown => stderr.write(`convert: ${step}\n`);
    const converted = await convertImage(image, { ...options, onProgress: say });
    if (converted.skipped.length > 0) {
      say(`left out, because an enclave has no device nodes and pipes: ${converted.skipped.slice(0, 5).join(", ")}`);
    }
    const { manifest, manifestBytes, appImage } = converted;
    // Before anything is written: a payload that was named and is not intact is an error.
    const measured = optionalMeasurer(values.payload)?.measure({ manifest: manifestBytes, appImage });
    say(`writing ${output}`);
    const { manifestDigest } = await writeTeeImage(output, converted, named);
    const mrEnclave = measured === undefined ? undefined : Buffer.from(measured.mrEnclave).toString("hex");
    printResult(stdout, values, {
      json: {
        layout: output,
        manifestDigest,
        ...(mrEnclave === undefined ? {} : { mrEnclave }),
        appImageBytes: appImage.byteLength,
        skipped: converted.skipped,
        manifest,
      },
      rows: [
        ["TEE image", output],
        ["workload", manifest.workload],
        ["program", manifest.entrypoint.join(" ")],
        ["application", `${appImage.byteLength} bytes`],
        ["MRENCLAVE", mrEnclave],
        ["signed", "no"],
      ],
    });
  },
});
