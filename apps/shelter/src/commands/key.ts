import { signingKeyFromPem, toKeySet } from "@inclavare/attestation";
import { type Command, defineCommand, printJson } from "@inclavare/cli";
import { loadKey } from "../key-files.ts";
import { outputOption, stateOption, tokenKeyOption } from "./options.ts";

/** `shelter key`, `shelter key jwks`: the public halves of Shelter's keys, for those who go by them. */
export function createKeyCommands(defaultState: string): Command[] {
  return [createClientKey(defaultState), createKeySet(defaultState)];
}

function createClientKey(defaultState: string): Command {
  return defineCommand({
    name: "key",
    summary: "prints the SHA-256 of the client key (SubjectPublicKeyInfo), which manifests name as a verifier",
    positionals: [],
    options: {
      state: stateOption(defaultState),
      key: { type: "string", value: "PEM", help: "this P-256 key, in place of the one in the state" },
      output: outputOption("output"),
    },
    async run({ values, stdout }) {
      const pem = loadKey("client", values.state ?? defaultState, values.key);
      const { identityFromKey } = await import("@inclavare/enclave-tls");
      const { spkiSha256 } = await identityFromKey(pem, { now: new Date() });
      const hex = Buffer.from(spkiSha256).toString("hex");
      if (values.output === "json") printJson(stdout, { spkiSha256: hex });
      else stdout.write(`${hex}\n`);
    },
  });
}

function createKeySet(defaultState: string): Command {
  return defineCommand({
    name: "key jwks",
    summary: "prints the public keys of Shelter's tokens as a JSON Web Key Set, for relying parties",
    positionals: [],
    options: {
      state: stateOption(defaultState),
      "token-key": {
        ...tokenKeyOption,
        multiple: true,
        help: "these keys, in place of the one in the state; several while one replaces another",
      },
    },
    notes: "The key is made the first time (P-256, mode 0600). The set holds nothing secret.",
    async run({ values, stdout }) {
      const files = values["token-key"].length === 0 ? [undefined] : values["token-key"];
      const keys = files.map((file) => {
        return signingKeyFromPem(loadKey("token", values.state ?? defaultState, file), file ?? "the key of the state");
      });
      printJson(stdout, toKeySet(...keys));
    },
  });
}
