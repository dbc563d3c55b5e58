import { defineCommand } from "@inclavare/cli";
import { type EnclaveManifest, inspectTeeImage, type TeeImageInspection } from "@inclavare/enclave-image";
import { referenceOption } from "../options/conversion.ts";
import { formatOption, printResult, type Result } from "../options/output.ts";
import { optionalMeasurer, payloadOption } from "../options/payload.ts";

export const inspectCommand = defineCommand({
  name: "inspect",
  summary: "tells everything about a TEE image: identity, signature, what its manifest allows",
  positionals: ["DIR"],
  options: { ...referenceOption, ...payloadOption, ...formatOption },
  notes: "Where a payload is installed or named, the image is measured as well and compared with its signature.",
  async run({ stdout, values, positionals: [path = ""] }) {
    const measurer = optionalMeasurer(values.payload);
    const inspection = await inspectTeeImage(path, {
      ...(values.reference === undefined ? {} : { reference: values.reference }),
      ...(measurer === undefined ? {} : { measurer }),
    });
    printResult(stdout, values, { json: { ...inspection }, rows: rowsOf(inspection) });
  },
});

function rowsOf(inspection: TeeImageInspection): Result["rows"] {
  const { manifest, application } = inspection;
  return [
    ["workload", manifest.workload],
    ["owner", manifest.owner === "" ? "nobody" : manifest.owner],
    ["MRENCLAVE", inspection.mrEnclave ?? "not known: there is no payload to measure with, and no signature"],
    ["MRSIGNER", inspection.mrSigner],
    ["ISVPRODID", inspection.isvProdId],
    ["ISVSVN", inspection.isvSvn],
    ["debug", inspection.debug ? "yes" : "no"],
    ["signature", inspection.signature],
    ["signed on", inspection.date],
    ["enclave", inspection.enclaveBytes === undefined ? undefined : `${inspection.enclaveBytes} bytes of addresses`],
    ["application", `${application.files} files, ${application.sizeBytes} bytes`],
    ["image", inspection.manifestDigest],
    ...manifestRows(manifest),
    ...inspection.problems.map((problem) => ["problem", problem] as const),
  ];
}

function manifestRows(manifest: EnclaveManifest): Result["rows"] {
  const { args, env, mounts, secrets, verifiers } = manifest;
  const list = (values: readonly string[]): string => (values.length === 0 ? "none" : values.join(", "));
  const argumentText = "fixed" in args ? list(args.fixed.map((argument) => JSON.stringify(argument))) : "from outside";
  return [
    ["runtime", manifest.runtime],
    ["program", manifest.entrypoint.join(" ")],
    ["arguments", argumentText],
    ["directory", manifest.cwd],
    ["user", `${manifest.user.uid}:${manifest.user.gid}`],
    ["variables", list(Object.keys(env.fixed))],
    ["from outside", list(env.fromOutside)],
    ["in memory", list(mounts.memory)],
    ["secrets", list(secrets.map(({ name, path }) => `${name} at ${path}`))],
    ["verifiers", list(verifiers)],
    ["exec", manifest.exec ? "allowed" : "not allowed"],
    ["stdin", manifest.stdin ? "read" : "not read"],
    ["signals", list(manifest.signals)],
    ["memory", `${manifest.memoryBytes} bytes, ${manifest.threads} processes`],
  ];
}
