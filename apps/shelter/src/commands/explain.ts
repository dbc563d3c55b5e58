import { decodeEar, parseKeySet, type Verdict, verifyEar, verifyEvidence } from "@inclavare/attestation";
import { type Command, defineCommand } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { explainToken, explainVerdict } from "../explain/explain.ts";
import { parseVerdict } from "../explain/verdict-file.ts";
import { parseTime, readBytes, readText } from "../inputs.ts";
import { readVerification } from "../verification.ts";
import { evidenceOptions, policyOption, stateOption } from "./options.ts";

/** Two dots, and a header that begins as every JSON object does in base64url. */
const TOKEN = /^ey[\w-]*\.[\w-]*\.[\w-]*\s*$/u;
const JSON_OBJECT = /^\s*\{/u;
const MOST_LOOKED_AT_BYTES = 4 << 20;

/** `shelter explain FILE`: a verdict, a token, or evidence in words for people. */
export function createExplainCommand(defaultState: string): Command {
  return defineCommand({
    name: "explain",
    summary: "says in plain words what a verdict, a token or evidence means, and what to do",
    positionals: ["FILE"],
    options: {
      ...evidenceOptions,
      policy: policyOption,
      "evidence-only": { type: "boolean", help: "of evidence: stop before the policy" },
      jwks: { type: "string", value: "FILE", help: "of a token: keys of the verifiers that are trusted" },
      audience: { type: "string", value: "NAME", help: "of a token, with --jwks: who it must be for" },
      state: stateOption(defaultState),
    },
    notes: [
      "FILE is what shelter verify -o json prints, a token, or evidence with the same options as for verify.",
      "Ends with 0 where there was something to explain, whatever it says: programs go by verify and token verify.",
    ].join("\n"),
    async run({ values, positionals, stdout }) {
      const [file = ""] = positionals;
      const bytes = readBytes(file);
      const text = bytes.length > MOST_LOOKED_AT_BYTES ? "" : Buffer.from(bytes).toString("latin1");
      if (TOKEN.test(text)) stdout.write(explain(text.trim(), values));
      else if (JSON_OBJECT.test(text)) stdout.write(explainVerdict(parseVerdict(readText(file), file)));
      else stdout.write(explainVerdict(await verify(file)));

      async function verify(evidence: string): Promise<Verdict> {
        const state = values.state ?? defaultState;
        const input = await readVerification(evidence, values, { state, evidenceOnly: values["evidence-only"] });
        return verifyEvidence(input);
      }
    },
  });
}

interface TokenWords {
  readonly jwks: string | undefined;
  readonly audience: string | undefined;
  readonly time: string | undefined;
}

function explain(token: string, { jwks, audience, time }: TokenWords): string {
  if (jwks === undefined) return explainToken(decodeEar(token), false);
  if (audience === undefined) throw new InclavareError("ERR_USAGE", "--audience is missing: --jwks verifies the token");
  const now = time === undefined ? new Date() : parseTime(time);
  return explainToken(verifyEar(token, { keys: parseKeySet(readText(jwks), jwks), audience, now }), true);
}
