import { type Command, defineCommand, printJson } from "@inclavare/cli";
import { loadClientKey } from "../client-key.ts";
import { stateOption } from "./options.ts";

/** `shelter key`: the name of this Shelter, for the `verifiers` of an enclave manifest. */
export function createKeyCommand(defaultState: string): Command {
  return defineCommand({
    name: "key",
    summary: "prints the SHA-256 of the client key (SubjectPublicKeyInfo), which manifests name as a verifier",
    positionals: [],
    options: {
      state: stateOption(defaultState),
      key: { type: "string", value: "PEM", help: "this P-256 key, in place of the one in the state" },
      output: { type: "string", short: "o", choices: ["text", "json"], help: "form of the output (default: text)" },
    },
    async run({ values, stdout }) {
      const pem = loadClientKey(values.state ?? defaultState, values.key);
      const { identityFromKey } = await import("@inclavare/enclave-tls");
      const { spkiSha256 } = await identityFromKey(pem, { now: new Date() });
      const hex = Buffer.from(spkiSha256).toString("hex");
      if (values.output === "json") printJson(stdout, { spkiSha256: hex });
      else stdout.write(`${hex}\n`);
    },
  });
}
