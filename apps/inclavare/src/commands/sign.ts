import { createPublicKey, type KeyObject } from "node:crypto";
import { type CommandContext, defineCommand } from "@inclavare/cli";
import {
  cascadeTeeImage,
  createMeasurer,
  signTeeImage,
  type SigningOptions,
  teeImageSigningMaterial,
} from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { decodeSigstruct, expectSigningKey, mrSigner } from "@inclavare/sgx";
import { readNamedFile, readPrivateKey, readPublicKey, writeNewFile } from "../options/files.ts";
import { parseDate } from "../options/numbers.ts";
import { formatOption, printResult } from "../options/output.ts";
import { payloadDirectory, payloadOption } from "../options/payload.ts";

const options = {
  key: { type: "string", value: "PEM", help: "sign with this key, here and now" },
  "material-out": { type: "string", value: "FILE", help: "write the 256 bytes to be signed elsewhere" },
  signature: { type: "string", value: "FILE", help: "take a signature that was made elsewhere" },
  "public-key": { type: "string", value: "PEM", help: "whose signature that is" },
  date: { type: "string", value: "ISO", help: "DATE of the SIGSTRUCT (default: when the image was created)" },
  ...payloadOption,
  ...formatOption,
} as const;
type Values = CommandContext<typeof options>["values"];

export const signCommand = defineCommand({
  name: "sign",
  summary: "signs a TEE image, with a key at hand or off the node",
  positionals: ["DIR"],
  options,
  notes: [
    "Off the node: inclavare sign DIR --material-out material.bin",
    "              openssl dgst -sha256 -sign key.pem -out signature.bin material.bin",
    "              inclavare sign DIR --signature signature.bin --public-key public.pem",
  ].join("\n"),
  async run({ stdout, values, positionals: [layout = ""] }) {
    const signing: SigningOptions = {
      measurer: createMeasurer(payloadDirectory(values.payload)),
      date: values.date === undefined ? undefined : parseDate("date", values.date),
    };
    switch (modeOf(values)) {
      case "key": {
        const privateKey = expectSigningKey(readPrivateKey(values.key ?? ""));
        const sigstruct = await signTeeImage(layout, { ...signing, privateKey });
        return printSigned(layout, createPublicKey(privateKey), sigstruct, { stdout, values });
      }
      case "signature": {
        const publicKey = expectSigningKey(readPublicKey(values["public-key"] ?? ""));
        const signature = readNamedFile(values.signature ?? "", "signature");
        const sigstruct = await cascadeTeeImage(layout, { ...signing, publicKey, signature });
        return printSigned(layout, publicKey, sigstruct, { stdout, values });
      }
      case "material":
        return await writeMaterial(layout, signing, { stdout, values });
    }
  },
});

type Printing = Pick<CommandContext<typeof options>, "stdout" | "values">;

/** @throws ERR_USAGE unless the flags say exactly one of the three things that can be done. */
function modeOf(values: Values): "key" | "signature" | "material" {
  const { key, signature, "public-key": publicKey, "material-out": material } = values;
  const modes = [
    ...(key === undefined ? [] : ["key" as const]),
    ...(signature === undefined && publicKey === undefined ? [] : ["signature" as const]),
    ...(material === undefined ? [] : ["material" as const]),
  ];
  const [mode] = modes;
  if (mode === undefined || modes.length > 1) {
    throw new InclavareError("ERR_USAGE", "sign: one of --key, --material-out, or --signature with --public-key");
  }
  if (mode === "signature" && (signature === undefined || publicKey === undefined)) {
    throw new InclavareError("ERR_USAGE", "sign: --signature and --public-key belong together");
  }
  return mode;
}

async function writeMaterial(layout: string, signing: SigningOptions, { stdout, values }: Printing): Promise<void> {
  const path = values["material-out"] ?? "";
  const { material, fields } = await teeImageSigningMaterial(layout, signing);
  writeNewFile(path, material, 0o644);
  const mrEnclave = Buffer.from(fields.mrEnclave).toString("hex");
  const date = fields.date.toISOString().slice(0, 10);
  printResult(stdout, values, {
    json: { layout, material: path, mrEnclave, date },
    rows: [
      ["to be signed", path],
      ["MRENCLAVE", mrEnclave],
      ["date", date],
    ],
  });
}

function printSigned(layout: string, key: KeyObject, sigstruct: Uint8Array, { stdout, values }: Printing): void {
  const { mrEnclave: measured, isvProdId, isvSvn } = decodeSigstruct(sigstruct);
  const mrEnclave = Buffer.from(measured).toString("hex");
  const signer = Buffer.from(mrSigner(key)).toString("hex");
  printResult(stdout, values, {
    json: { layout, mrEnclave, mrSigner: signer, isvProdId, isvSvn },
    rows: [
      ["signed", layout],
      ["MRENCLAVE", mrEnclave],
      ["MRSIGNER", signer],
      ["ISVPRODID", isvProdId],
      ["ISVSVN", isvSvn],
    ],
  });
}
