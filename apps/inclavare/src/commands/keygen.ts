import { defineCommand } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { generateSigningKey, mrSigner } from "@inclavare/sgx";
import { writeNewFile } from "../options/files.ts";
import { jsonOptions, printResult } from "../options/output.ts";

export const keygenCommand = defineCommand({
  name: "keygen",
  summary: "makes a signing key: RSA-3072 with exponent 3",
  positionals: [],
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      help: "where the key goes, in PEM, readable for its owner only",
    },
    ...jsonOptions,
  },
  notes: "The file must not exist. Keep it off the nodes: signing needs it, running does not.",
  async run({ stdout, values }) {
    const path = values.output;
    if (path === undefined) throw new InclavareError("ERR_USAGE", "keygen: -o FILE is missing");
    const key = generateSigningKey();
    writeNewFile(path, key.export({ format: "pem", type: "pkcs8" }), 0o600);
    const signer = Buffer.from(mrSigner(key)).toString("hex");
    printResult(stdout, values, {
      json: { key: path, mrSigner: signer },
      rows: [
        ["key", path],
        ["MRSIGNER", signer],
      ],
    });
  },
});
