import { createHash } from "node:crypto";
import { defineCommand } from "@inclavare/cli";
import { withoutRequest } from "@inclavare/container";
import {
  convertImage,
  createMeasurer,
  type EnclaveManifest,
  readPayloadIndex,
  resolveProcess,
  type TeeContents,
  type TeeImage,
  tryReadTeeImage,
} from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { openImage, parseRuntimeSpec } from "@inclavare/oci";
import { conversionOptions, firstConversionFlag, readConversion, referenceOption } from "../options/conversion.ts";
import { readNamedFile } from "../options/files.ts";
import { formatOption, printResult } from "../options/output.ts";
import { payloadDirectory, payloadOption } from "../options/payload.ts";

/** `inclavare measure`: what a verifier off the node expects, computed from the image and nothing that a node says. */
export const measureCommand = defineCommand({
  name: "measure",
  summary: "recomputes the measurement of an image, off the node",
  positionals: ["IMAGE"],
  options: {
    spec: { type: "string", value: "FILE", help: "config.json of a container: checks that its process fits" },
    ...referenceOption,
    ...conversionOptions,
    ...payloadOption,
    ...formatOption,
  },
  notes: [
    "A TEE image is measured as it is. An ordinary image is converted in memory, with the flags that convert got.",
    "The measurement also depends on the payload: it is that of one release and architecture.",
  ].join("\n"),
  async run({ stdout, stderr, values, positionals: [path = ""] }) {
    const { reference } = values;
    const named = reference === undefined ? {} : { reference };
    const options = readConversion(values);
    const tee = await tryReadTeeImage(path, named);
    const flag = firstConversionFlag(values);
    if (tee !== undefined && flag !== undefined) {
      throw new InclavareError("ERR_USAGE", `--${flag} is for ordinary images: ${path} has its manifest already`);
    }
    const say = (step: string): unknown => stderr.write(`measure: ${step}\n`);
    const enclave = tee ?? (await convertInMemory(path, { ...options, onProgress: say }, named));
    say("measuring");
    const directory = payloadDirectory(values.payload);
    const { manifest, manifestBytes, appImage } = enclave;
    const { mrEnclave, sizeBytes } = createMeasurer(directory).measure({ manifest: manifestBytes, appImage });
    const dropped = values.spec === undefined ? undefined : checkSpec(values.spec, manifest);
    const { release, architecture } = readPayloadIndex(directory);
    const hex = Buffer.from(mrEnclave).toString("hex");
    printResult(stdout, values, {
      json: {
        mrEnclave: hex,
        isvProdId: manifest.product.id,
        isvSvn: manifest.product.svn,
        debug: manifest.debug,
        image: tee === undefined ? "ordinary" : "tee",
        enclaveBytes: sizeBytes,
        manifestSha256: sha256(manifestBytes),
        appImageSha256: sha256(appImage),
        payload: { release, architecture },
        ...(dropped === undefined ? {} : { spec: { fits: true, variablesLeftOut: dropped } }),
      },
      rows: [
        ["MRENCLAVE", hex],
        ["ISVPRODID", manifest.product.id],
        ["ISVSVN", manifest.product.svn],
        ["debug", manifest.debug ? "yes" : "no"],
        ["payload", `${release} ${architecture}`],
        ["process", dropped === undefined ? undefined : "fits the manifest"],
        ["left out", dropped === undefined || dropped.length === 0 ? undefined : dropped.join(", ")],
      ],
    });
  },
});

async function convertInMemory(
  path: string,
  options: Parameters<typeof convertImage>[1],
  named: { readonly reference?: string },
): Promise<Pick<TeeImage & TeeContents, "manifest" | "manifestBytes" | "appImage">> {
  await using image = await openImage(path, named);
  return await convertImage(image, options);
}

/** @returns names of the variables that do not reach the application. @throws ERR_OCI_SPEC, ERR_MANIFEST_FORBIDS */
function checkSpec(path: string, manifest: EnclaveManifest): string[] {
  const { process } = parseRuntimeSpec(readNamedFile(path, "specification"), path);
  if (process === undefined) throw new InclavareError("ERR_OCI_SPEC", `${path}: $.process must be there`);
  const env = withoutRequest(process.env ?? []);
  const resolved = new Set(
    resolveProcess(manifest, { args: process.args ?? [], env, cwd: process.cwd }).env.map(nameOf),
  );
  return [...new Set(env.map(nameOf))].filter((name) => !resolved.has(name));
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? "";
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
